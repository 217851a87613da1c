/* SPDX-License-Identifier: MIT */
/* What both roles of IKE_SA_INIT have in common. */
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ike/engine.h"

int ike_init_keys(struct ike_sa *sa, const struct ike_payload *ke)
{
	struct ike_init *init = sa->init;
	struct ike_crypto *crypto = sa->ike->crypto;
	uint8_t shared[IKE_KE_SHARED_MAX];
	struct ike_sa_keys keys;
	int err, len;

	ike_suite_of(&init->chosen, &sa->suite);
	len = ike_ke_derive(crypto, init->ke, ke->data, ke->data_len, shared);
	err = len < 0 ? len : 0;
	if (!err)
		err = ike_keys_derive(crypto, &sa->suite, (struct ike_chunk){init->ni.data, init->ni.len},
				      (struct ike_chunk){init->nr.data, init->nr.len},
				      (struct ike_chunk){shared, (size_t)len}, sa->spi_i, sa->spi_r, NULL, NULL, &keys);
	OPENSSL_cleanse(shared, sizeof(shared));
	if (err) {
		sa->suite = (struct ike_suite){0};
		return err;
	}
	ike_sa_set_keys(sa, &keys);
	memcpy(init->sk_pi, keys.pi, sizeof(init->sk_pi));
	memcpy(init->sk_pr, keys.pr, sizeof(init->sk_pr));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return 0;
}

void ike_suite_of(const struct ike_proposal *chosen, struct ike_suite *out)
{
	out->encr = ike_proposal_alg(chosen, IKE_T_ENCR);
	out->prf = ike_proposal_alg(chosen, IKE_T_PRF);
	out->integ = ike_proposal_alg(chosen, IKE_T_INTEG);
	out->ke = ike_proposal_alg(chosen, IKE_T_KE);
}

bool ike_suite_whole(const struct ike_suite *s)
{
	return s->encr && s->prf && s->ke && (s->encr->aead || s->integ);
}

void ike_suite_proposal(const struct ike_suite *s, struct ike_proposal *out)
{
	const struct ike_alg *algs[] = {s->encr, s->integ, s->prf, s->ke};

	*out = (struct ike_proposal){.number = 1, .protocol = IKE_PROTO_IKE};
	for (unsigned int i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i])
			out->t[out->n++] = (struct ike_transform){
				.type = algs[i]->type, .id = algs[i]->id, .key_bits = algs[i]->key_bits};
}
