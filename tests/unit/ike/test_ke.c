/* SPDX-License-Identifier: MIT */
/* Key exchange: known answers with given private keys, agreement, and public values that must be refused. */
#include "vectors.h"

#include "ike/crypto_ke.c" /* to give it a private key of our choice */ // NOLINT(bugprone-suspicious-include)

static int setup(void **state)
{
	*state = ike_crypto_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	ike_crypto_free(*state);
	return 0;
}

static const struct ike_alg *group_of(uint16_t id)
{
	const struct ike_alg *group = ike_alg_find(IKE_T_KE, id, 0);

	assert_non_null(group);
	return group;
}

/* A key pair from its halves; EC and MODP public values as the KE payload has them. */
static struct ike_ke *ke_of(uint16_t id, const struct octets *private, const struct octets *public)
{
	bool ec = id == IKE_KE_ECP_256 || id == IKE_KE_ECP_384;
	uint8_t encoded[1 + IKE_KE_PUB_MAX] = {EC_UNCOMPRESSED}, native[IKE_KE_PUB_MAX], pub_native[IKE_KE_PUB_MAX];
	struct ike_ke *ke = calloc(1, sizeof(*ke));
	EVP_PKEY_CTX *ctx;
	OSSL_PARAM params[4];

	ke->group = group_of(id);
	if (id == IKE_KE_X25519) {
		ke->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, private->p, private->len);
		assert_true(export_public(ke));
		return ke;
	}
	memcpy(encoded + 1, public->p, public->len);
	for (size_t i = 0; i < private->len; i++) /* OSSL_PARAM integers are little-endian on x86 */
		native[i] = private->p[private->len - 1 - i];
	for (size_t i = 0; i < public->len; i++)
		pub_native[i] = public->p[public->len - 1 - i];
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)ke->group->ossl, 0);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, private->len);
	params[2] = ec ? OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, public->len + 1)
		       : OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PUB_KEY, pub_native, public->len);
	params[3] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, ec ? "EC" : "DH", NULL);
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0);
	assert_true(EVP_PKEY_fromdata(ctx, &ke->pkey, EVP_PKEY_KEYPAIR, params) > 0);
	EVP_PKEY_CTX_free(ctx);
	assert_true(export_public(ke));
	return ke;
}

/* RFC 7748 5.2 and 6.1, RFC 5903 8.1 and 8.2. */
static void known_answers(void **state)
{
	static const struct {
		uint16_t group;
		const char *private, *public, *peer, *shared;
	} rows[] = {
		{IKE_KE_X25519, "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", NULL,
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{IKE_KE_X25519, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		 "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		 "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
		{IKE_KE_ECP_256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
		 "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		 "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		 "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		 "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		 "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"},
		{IKE_KE_ECP_384,
		 "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
		 "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
		 "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
		 "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
		 "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
		 "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct octets private = hex(rows[i].private), peer = hex(rows[i].peer), shared = hex(rows[i].shared);
		struct octets public = hex(rows[i].public ? rows[i].public : "");
		struct ike_ke *ke = ke_of(rows[i].group, &private, &public);
		uint8_t out[IKE_KE_SHARED_MAX];
		size_t len;

		assert_int_equal(ike_ke_derive(*state, ke, peer.p, peer.len, out), shared.len);
		assert_memory_equal(out, shared.p, shared.len);
		if (public.len)
			assert_memory_equal(ike_ke_public(ke, &len), public.p, public.len);
		ike_ke_free(ke);
	}
}

/* With the private key 5 both g^5 and the secret with the peer's value 2 are 32: padded to the prime's length. */
static void modp_values_are_padded(void **state)
{
	static const uint16_t ids[] = {IKE_KE_MODP_2048, IKE_KE_MODP_3072};
	struct octets five = hex("05"), thirty_two = hex("20");

	for (size_t i = 0; i < 2; i++) {
		uint16_t octets = group_of(ids[i])->out_len;
		struct ike_ke *ke = ke_of(ids[i], &five, &thirty_two);
		uint8_t want[IKE_KE_PUB_MAX] = {0}, two[IKE_KE_PUB_MAX] = {0}, out[IKE_KE_SHARED_MAX];
		size_t len;

		want[octets - 1] = 32;
		two[octets - 1] = 2;
		assert_memory_equal(ike_ke_public(ke, &len), want, octets);
		assert_int_equal(len, octets);
		assert_int_equal(ike_ke_derive(*state, ke, two, octets, out), octets);
		assert_memory_equal(out, want, octets);
		ike_ke_free(ke);
	}
}

static const uint16_t groups[] = {IKE_KE_X25519, IKE_KE_ECP_256, IKE_KE_ECP_384, IKE_KE_MODP_2048, IKE_KE_MODP_3072};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

static void both_sides_agree(void **state)
{
	for (size_t i = 0; i < GROUPS; i++) {
		uint8_t a_out[IKE_KE_SHARED_MAX], b_out[IKE_KE_SHARED_MAX];
		size_t a_len, b_len;
		int err, len;
		struct ike_ke *a = ike_ke_new(*state, group_of(groups[i]), &err);
		struct ike_ke *b = ike_ke_new(*state, group_of(groups[i]), &err);
		const uint8_t *a_pub = ike_ke_public(a, &a_len), *b_pub = ike_ke_public(b, &b_len);

		assert_int_equal(a_len, group_of(groups[i])->out_len);
		assert_memory_not_equal(a_pub, b_pub, a_len);
		len = ike_ke_derive(*state, a, b_pub, b_len, a_out);
		assert_true(len > 0);
		assert_int_equal(ike_ke_derive(*state, b, a_pub, a_len, b_out), len);
		assert_memory_equal(a_out, b_out, len);
		ike_ke_free(a);
		ike_ke_free(b);
	}
}

static void refuse(void **state, struct ike_ke *ke, const uint8_t *peer, size_t len)
{
	uint8_t out[IKE_KE_SHARED_MAX];

	assert_int_equal(ike_ke_derive(*state, ke, peer, len, out), -EBADMSG);
	assert_int_equal(ERR_peek_error(), 0); /* OpenSSL's error queue does not grow with what peers send */
}

static void wrong_values_are_refused(void **state)
{
	for (size_t i = 0; i < GROUPS; i++) {
		const struct ike_alg *group = group_of(groups[i]);
		uint8_t zero[IKE_KE_PUB_MAX + 1] = {0}, ones[IKE_KE_PUB_MAX + 1], value[IKE_KE_PUB_MAX];
		size_t len;
		int err;
		struct ike_ke *ke = ike_ke_new(*state, group, &err), *peer = ike_ke_new(*state, group, &err);

		memcpy(value, ike_ke_public(peer, &len), sizeof(value));
		memset(ones, 0xff, sizeof(ones));
		refuse(state, ke, value, len - 1);
		refuse(state, ke, ones, len + 1);
		refuse(state, ke, value, 0);
		refuse(state, ke, zero, len); /* X25519: low order; EC: not on the curve; MODP: 0 */
		if (group->id == IKE_KE_ECP_256 || group->id == IKE_KE_ECP_384) {
			refuse(state, ke, ones, len); /* coordinates beyond the field */
			value[len - 1] ^= 1;
			refuse(state, ke, value, len);
		} else if (group->id != IKE_KE_X25519) {
			BIGNUM *p = NULL;

			refuse(state, ke, ones, len); /* more than p */
			zero[len - 1] = 1;
			refuse(state, ke, zero, len);
			assert_true(EVP_PKEY_get_bn_param(ke->pkey, OSSL_PKEY_PARAM_FFC_P, &p) > 0);
			BN_bn2binpad(p, value, (int)len);
			refuse(state, ke, value, len);
			value[len - 1]--; /* p - 1: order 2 */
			refuse(state, ke, value, len);
			BN_free(p);
		} else {
			zero[0] = 1; /* order 1 on the curve's twist: the all-zero output */
			refuse(state, ke, zero, len);
		}
		ike_ke_free(ke);
		ike_ke_free(peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(modp_values_are_padded),
		cmocka_unit_test(both_sides_agree),
		cmocka_unit_test(wrong_values_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
