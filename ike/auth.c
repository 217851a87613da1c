/* SPDX-License-Identifier: MIT */
/* What both roles of IKE_AUTH have in common: identities and the PSK's proof, RFC 7296 2.15. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

enum { AUTH_METHOD_PSK = 2, ID_HEAD = 4 };

int ike_auth_read_id(const struct ike_payload *p, struct ike_id *out)
{
	if (p->data_len > IKE_ID_LEN_MAX || !p->u.id.kind)
		return -EBADMSG;
	out->kind = p->u.id.kind;
	out->len = p->data_len;
	memcpy(out->data, p->data, p->data_len);
	return 0;
}

void ike_auth_build_id(struct ike_builder *b, uint8_t type, const struct ike_id *id)
{
	ike_build_id(b, type, id->kind, id->data, id->len);
}

static int auth_compute(struct ike_sa *sa, bool of_initiator, const struct ike_id *local, const struct ike_id *remote,
			uint8_t out[IKE_PRF_MAX])
{
	const struct ike_init *init = sa->init;
	const struct ike_id *id = of_initiator == sa->initiator ? local : remote;
	const struct ike_buf *msg = of_initiator ? init->request : init->response;
	const struct ike_nonce *nonce = of_initiator ? &init->nr : &init->ni;
	uint8_t psk[IKE_PSK_MAX], body[ID_HEAD + IKE_ID_LEN_MAX] = {id->kind};
	int err = sa->ike->env.psk(sa->ike->env.ctx, sa->conn->cfg, local, remote, psk);

	memcpy(body + ID_HEAD, id->data, id->len);
	if (err > IKE_PSK_MAX)
		err = -EINVAL;
	if (err >= 0)
		err = ike_auth_psk(sa->ike->crypto, sa->suite.prf, (struct ike_chunk){psk, (size_t)err},
				   (struct ike_chunk){msg->data + IKE_MARKER_LEN, msg->len},
				   (struct ike_chunk){nonce->data, nonce->len},
				   of_initiator ? init->sk_pi : init->sk_pr,
				   (struct ike_chunk){body, (size_t)ID_HEAD + id->len}, out);
	OPENSSL_cleanse(psk, sizeof(psk));
	return err;
}

bool ike_auth_verify(struct ike_sa *sa, bool of_initiator, const struct ike_id *local, const struct ike_id *remote,
		     const struct ike_payload *auth)
{
	char l[IKE_TEXT_MAX], r[IKE_TEXT_MAX];
	uint8_t want[IKE_PRF_MAX];
	const char *why = NULL;
	int err;

	if (auth->u.auth.method != AUTH_METHOD_PSK) {
		why = "it does not use a pre-shared key";
	} else {
		err = auth_compute(sa, of_initiator, local, remote, want);
		if (err)
			why = err == -ENOENT ? "there is no pre-shared key for the two" : "it cannot be computed";
		else if (auth->data_len != sa->suite.prf->out_len || !ike_equal(want, auth->data, auth->data_len))
			why = "the pre-shared keys differ";
	}
	OPENSSL_cleanse(want, sizeof(want));
	if (why) {
		sa->ike->counters.auth_failed++;
		ike_sa_log(sa, LOG_LEVEL_WARN, "ike.auth", "authentication of %s (we are %s) failed: %s",
			   ike_id_text(remote, r), ike_id_text(local, l), why);
	}
	return !why;
}

/* SET_WINDOW_SIZE, if there is something to say. */
void ike_auth_build_window(struct ike_sa *sa, struct ike_builder *b)
{
	uint32_t size = ike_conn_window(sa->conn->cfg);
	uint8_t data[4];

	put_be32(data, size);
	if (size > 1)
		ike_build_notify(b, 0, NULL, 0, IKE_N_SET_WINDOW_SIZE, data, sizeof(data));
}

int ike_auth_build_proof(struct ike_sa *sa, struct ike_builder *b, const struct ike_id *local,
			 const struct ike_id *remote)
{
	uint8_t proof[IKE_PRF_MAX];
	int err = auth_compute(sa, sa->initiator, local, remote, proof);

	if (!err)
		ike_build_auth(b, AUTH_METHOD_PSK, proof, sa->suite.prf->out_len);
	OPENSSL_cleanse(proof, sizeof(proof));
	return err;
}
