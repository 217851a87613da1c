/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

enum { CBC_IV_MAX = 16 };

void ike_send_start(struct ike_sa *sa, struct ike_builder *b, uint8_t exchange, bool response, uint32_t msgid)
{
	struct ike_header hdr = {
		.version = 0x20,
		.exchange = exchange,
		.flags = (uint8_t)((sa->initiator ? IKE_FLAG_INITIATOR : 0) | (response ? IKE_FLAG_RESPONSE : 0)),
		.msgid = msgid,
	};

	memcpy(hdr.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(hdr.spi_r, sa->spi_r, IKE_SPI_LEN);
	ike_build_start(b, sa->ike->scratch, IKE_MESSAGE_MAX, &hdr);
	ike_build_sk(b, &sa->suite);
}

struct ike_buf *ike_send_copy(const struct ike_builder *b, int len)
{
	struct ike_buf *buf;

	if (len < 0)
		return NULL;
	buf = malloc(sizeof(*buf) + IKE_MARKER_LEN + (size_t)len);
	if (!buf)
		return NULL;
	buf->len = (uint32_t)len;
	memset(buf->data, 0, IKE_MARKER_LEN);
	memcpy(buf->data + IKE_MARKER_LEN, b->w.start, (size_t)len);
	return buf;
}

struct ike_buf *ike_send_seal(struct ike_sa *sa, struct ike_builder *b)
{
	uint8_t iv[CBC_IV_MAX];
	struct ike_buf *buf;
	int len;

	if (sa->suite.encr->aead) /* unique is enough, RFC 5282 3.1 */
		put_be64(iv, sa->iv++);
	else
		ike_random(sa->ike, iv, sa->suite.encr->iv_len);
	len = ike_build_seal(b, sa->ike->crypto, &sa->suite, &sa->key_out, iv);
	buf = ike_send_copy(b, len);
	if (!buf)
		ike_sa_log(sa, LOG_LEVEL_ERROR, "ike.build", "cannot build a message: %s",
			   len < 0 ? "it is too long" : "no memory");
	return buf;
}

void ike_emit(struct ike *ike, const struct ike_path *path, struct ike_buf *buf)
{
	size_t marker = path->local.port == ike->set.port_natt ? IKE_MARKER_LEN : 0;

	ike->env.emit(ike->env.ctx, path, buf->data + IKE_MARKER_LEN - marker, buf->len + marker);
}

void ike_sa_emit(struct ike_sa *sa, struct ike_buf *buf)
{
	sa->last_out = sa->ike->now;
	ike_emit(sa->ike, &sa->path, buf);
}

void ike_send_unprotected(struct ike *ike, const struct ike_path *path, const struct ike_header *hdr, uint16_t kind,
			  const void *data, size_t len)
{
	struct ike_header answer = {
		.version = 0x20,
		.exchange = hdr->exchange,
		.flags = (uint8_t)(IKE_FLAG_RESPONSE | (hdr->flags & IKE_FLAG_INITIATOR ? 0 : IKE_FLAG_INITIATOR)),
		.msgid = hdr->msgid,
	};
	struct ike_builder b;
	struct ike_buf *buf;

	memcpy(answer.spi_i, hdr->spi_i, IKE_SPI_LEN);
	memcpy(answer.spi_r, hdr->spi_r, IKE_SPI_LEN);
	ike_build_start(&b, ike->scratch, IKE_MESSAGE_MAX, &answer);
	ike_build_notify(&b, 0, NULL, 0, kind, data, len);
	buf = ike_send_copy(&b, ike_build_finish(&b));
	if (buf)
		ike_emit(ike, path, buf);
	free(buf);
}
