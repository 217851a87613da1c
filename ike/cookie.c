/* SPDX-License-Identifier: MIT */
/*
 * Cookies without state, RFC 7296 2.6: version | prf(secret, Ni | IPi | SPIi). The secret changes every minute while
 * cookies are in use; the one before is still good, so a peer has between one and two minutes to come back.
 */
#include <errno.h>
#include <string.h>

#include "ike/engine.h"

enum { COOKIE_LEN = 33 };

#define COOKIE_SECRET_NS (60 * IKE_SEC)

static int cookie_compute(struct ike *ike, uint8_t version, const struct ike_addr *from,
			  const uint8_t spi_i[IKE_SPI_LEN], const struct ike_payload *nonce, uint8_t out[COOKIE_LEN])
{
	const struct ike_alg *prf = ike_alg_find(IKE_T_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	struct ike_chunk in[] = {
		{nonce->data, nonce->data_len},
		{from->ip, ike_addr_len(from)},
		{spi_i, IKE_SPI_LEN},
	};

	out[0] = version;
	return ike_prf(ike->crypto, prf, ike->cookies.secret[version % IKE_SECRETS], IKE_SECRET_LEN, in, 3, out + 1);
}

int ike_cookie_make(struct ike *ike, const struct ike_addr *from, const uint8_t spi_i[IKE_SPI_LEN],
		    const struct ike_payload *nonce, uint8_t out[IKE_COOKIE_MAX])
{
	struct ike_cookies *k = &ike->cookies;
	uint64_t made = k->made[k->version % IKE_SECRETS];
	int err;

	if (!made || ike->now - made >= COOKIE_SECRET_NS) {
		k->version++;
		ike_random(ike, k->secret[k->version % IKE_SECRETS], IKE_SECRET_LEN);
		k->made[k->version % IKE_SECRETS] = ike->now ? ike->now : 1;
	}
	err = cookie_compute(ike, k->version, from, spi_i, nonce, out);
	return err ? err : COOKIE_LEN;
}

bool ike_cookie_good(struct ike *ike, const struct ike_addr *from, const uint8_t spi_i[IKE_SPI_LEN],
		     const struct ike_payload *nonce, const struct ike_payload *cookie)
{
	const struct ike_cookies *k = &ike->cookies;
	uint8_t want[COOKIE_LEN], version;

	if (cookie->data_len != COOKIE_LEN)
		return false;
	version = cookie->data[0];
	if ((version != k->version && version != (uint8_t)(k->version - 1)) || !k->made[version % IKE_SECRETS] ||
	    ike->now - k->made[version % IKE_SECRETS] >= 2 * COOKIE_SECRET_NS)
		return false;
	return !cookie_compute(ike, version, from, spi_i, nonce, want) && ike_equal(want, cookie->data, COOKIE_LEN);
}
