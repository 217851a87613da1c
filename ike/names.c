/* SPDX-License-Identifier: MIT */
/* Names of numbers: RFC 7296 section 3 and IANA's IKEv2 registry. */
#include <stddef.h>

#include "ike/payload.h"

/* clang-format off */
static const struct ike_notify_info notifies[] = {
	{IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD, -1, 1, 1, "UNSUPPORTED_CRITICAL_PAYLOAD", "CRIT"},
	{IKE_N_INVALID_IKE_SPI, -1, 0, UINT16_MAX, "INVALID_IKE_SPI", "INVAL_IKE_SPI"},
	{IKE_N_INVALID_MAJOR_VERSION, -1, 0, UINT16_MAX, "INVALID_MAJOR_VERSION", "INVAL_MAJOR"},
	{IKE_N_INVALID_SYNTAX, -1, 0, UINT16_MAX, "INVALID_SYNTAX", "INVAL_SYN"},
	{IKE_N_INVALID_MESSAGE_ID, -1, 4, 4, "INVALID_MESSAGE_ID", "INVAL_MID"},
	{IKE_N_INVALID_SPI, -1, 4, 4, "INVALID_SPI", "INVAL_SPI"},
	{IKE_N_NO_PROPOSAL_CHOSEN, -1, 0, UINT16_MAX, "NO_PROPOSAL_CHOSEN", "NO_PROP"},
	{IKE_N_INVALID_KE_PAYLOAD, -1, 2, 2, "INVALID_KE_PAYLOAD", "INVAL_KE"},
	{IKE_N_AUTHENTICATION_FAILED, -1, 0, UINT16_MAX, "AUTHENTICATION_FAILED", "AUTH_FAILED"},
	{IKE_N_SINGLE_PAIR_REQUIRED, -1, 0, UINT16_MAX, "SINGLE_PAIR_REQUIRED", "SINGLE_PAIR"},
	{IKE_N_NO_ADDITIONAL_SAS, -1, 0, UINT16_MAX, "NO_ADDITIONAL_SAS", "NO_ADD_SAS"},
	{IKE_N_INTERNAL_ADDRESS_FAILURE, -1, 0, UINT16_MAX, "INTERNAL_ADDRESS_FAILURE", "INT_ADDR_FAIL"},
	{IKE_N_FAILED_CP_REQUIRED, -1, 0, UINT16_MAX, "FAILED_CP_REQUIRED", "FAIL_CP_REQ"},
	{IKE_N_TS_UNACCEPTABLE, -1, 0, UINT16_MAX, "TS_UNACCEPTABLE", "TS_UNACCEPT"},
	{IKE_N_INVALID_SELECTORS, -1, 0, UINT16_MAX, "INVALID_SELECTORS", "INVAL_SEL"},
	{IKE_N_TEMPORARY_FAILURE, -1, 0, UINT16_MAX, "TEMPORARY_FAILURE", "TEMP_FAIL"},
	{IKE_N_CHILD_SA_NOT_FOUND, -1, 0, UINT16_MAX, "CHILD_SA_NOT_FOUND", "NO_CHILD_SA"},
	{IKE_N_TS_MAX_QUEUE, -1, 0, UINT16_MAX, "TS_MAX_QUEUE", "TS_MAX_QUEUE"}, /* RFC 9611 */
	{IKE_N_INITIAL_CONTACT, -1, 0, UINT16_MAX, "INITIAL_CONTACT", "INIT_CONTACT"},
	{IKE_N_SET_WINDOW_SIZE, -1, 4, 4, "SET_WINDOW_SIZE", "SET_WINSIZE"},
	{IKE_N_ADDITIONAL_TS_POSSIBLE, -1, 0, UINT16_MAX, "ADDITIONAL_TS_POSSIBLE", "ADD_TS_POSS"},
	{IKE_N_IPCOMP_SUPPORTED, -1, 3, 3, "IPCOMP_SUPPORTED", "IPCOMP_SUPP"},
	{IKE_N_NAT_DETECTION_SOURCE_IP, -1, 20, 20, "NAT_DETECTION_SOURCE_IP", "NATD_S_IP"},
	{IKE_N_NAT_DETECTION_DESTINATION_IP, -1, 20, 20, "NAT_DETECTION_DESTINATION_IP", "NATD_D_IP"},
	{IKE_N_COOKIE, -1, 1, 64, "COOKIE", "COOKIE"}, /* RFC 7296 2.6 */
	{IKE_N_USE_TRANSPORT_MODE, -1, 0, UINT16_MAX, "USE_TRANSPORT_MODE", "USE_TRANSP"},
	{IKE_N_HTTP_CERT_LOOKUP_SUPPORTED, -1, 0, UINT16_MAX, "HTTP_CERT_LOOKUP_SUPPORTED", "HTTP_CERT_LOOK"},
	{IKE_N_REKEY_SA, 4, 0, UINT16_MAX, "REKEY_SA", "REKEY_SA"},
	{IKE_N_ESP_TFC_PADDING_NOT_SUPPORTED, -1, 0, UINT16_MAX, "ESP_TFC_PADDING_NOT_SUPPORTED", "ESP_TFC_PAD_N"},
	{IKE_N_NON_FIRST_FRAGMENTS_ALSO, -1, 0, UINT16_MAX, "NON_FIRST_FRAGMENTS_ALSO", "NON_FIRST_FRAG"},
	{40, -1, 0, UINT16_MAX, "UNACCEPTABLE_ADDRESSES", "UNACCEPT_ADDR"},                   /* RFC 4555 */
	{41, -1, 0, UINT16_MAX, "UNEXPECTED_NAT_DETECTED", "UNEXPECT_NAT"},                   /* RFC 4555 */
	{16396, -1, 0, UINT16_MAX, "MOBIKE_SUPPORTED", "MOBIKE_SUP"},                         /* RFC 4555 */
	{16397, -1, 0, UINT16_MAX, "ADDITIONAL_IP4_ADDRESS", "ADD_4_ADDR"},                   /* RFC 4555 */
	{16398, -1, 0, UINT16_MAX, "ADDITIONAL_IP6_ADDRESS", "ADD_6_ADDR"},                   /* RFC 4555 */
	{16399, -1, 0, UINT16_MAX, "NO_ADDITIONAL_ADDRESSES", "NO_ADD_ADDR"},                 /* RFC 4555 */
	{16400, -1, 0, UINT16_MAX, "UPDATE_SA_ADDRESSES", "UPD_SA_ADDR"},                     /* RFC 4555 */
	{16401, -1, 0, UINT16_MAX, "COOKIE2", "COOKIE2"},                                     /* RFC 4555 */
	{16404, -1, 0, UINT16_MAX, "MULTIPLE_AUTH_SUPPORTED", "MULT_AUTH"},                   /* RFC 4739 */
	{16417, -1, 0, UINT16_MAX, "EAP_ONLY_AUTHENTICATION", "EAP_ONLY"},                    /* RFC 5998 */
	{16418, -1, 0, UINT16_MAX, "CHILDLESS_IKEV2_SUPPORTED", "CHDLESS_SUP"},               /* RFC 6023 */
	{16420, -1, 0, UINT16_MAX, "IKEV2_MESSAGE_ID_SYNC_SUPPORTED", "MSG_ID_SYN_SUP"},      /* RFC 6311 */
	{16430, -1, 0, UINT16_MAX, "IKEV2_FRAGMENTATION_SUPPORTED", "FRAG_SUP"},              /* RFC 7383 */
	{16431, -1, 0, UINT16_MAX, "SIGNATURE_HASH_ALGORITHMS", "HASH_ALG"},                  /* RFC 7427 */
	{16406, -1, 0, UINT16_MAX, "REDIRECT_SUPPORTED", "REDIR_SUP"},                        /* RFC 5685 */
	{16435, -1, 0, UINT16_MAX, "USE_PPK", "USE_PPK"},                                     /* RFC 8784 */
	{16438, -1, 0, UINT16_MAX, "INTERMEDIATE_EXCHANGE_SUPPORTED", "INTERMEDIATE_SUP"},    /* RFC 9242 */
	{16441, -1, 0, UINT16_MAX, "ADDITIONAL_KEY_EXCHANGE", "ADD_KE"},                      /* RFC 9370 */
	{16442, -1, 0, UINT16_MAX, "USE_AGGFRAG", "USE_AGGFRAG"},                             /* RFC 9347 */
	{16443, -1, 0, UINT16_MAX, "SUPPORTED_AUTH_METHODS", "SUP_AUTH"},                     /* RFC 9593 */
	{IKE_N_SA_RESOURCE_INFO, -1, 0, UINT16_MAX, "SA_RESOURCE_INFO", "SA_RESOURCE_INFO"},  /* RFC 9611 */
	/* private use: sizes are checked where our Vendor ID was seen, elsewhere the numbers may mean anything */
	{IKE_N_COUNT_BASED_SA_PROPOSED, -1, 0, UINT16_MAX, "COUNT_BASED_SA_PROPOSED", "COUNT_PROP"},
	{IKE_N_COUNT_BASED_SA_SELECTED, -1, 0, UINT16_MAX, "COUNT_BASED_SA_SELECTED", "COUNT_SEL"},
	{IKE_N_OPTIMIZED_REKEY_SUPPORTED, -1, 0, UINT16_MAX, "OPTIMIZED_REKEY_SUPPORTED", "OPT_REKEY_SUP"},
	{IKE_N_OPTIMIZED_REKEY, -1, 0, UINT16_MAX, "OPTIMIZED_REKEY", "OPT_REKEY"},
};

struct name {
	uint16_t number;
	const char *name;
};

static const struct name exchanges[] = {
	{IKE_X_SA_INIT, "IKE_SA_INIT"}, {IKE_X_AUTH, "IKE_AUTH"}, {IKE_X_CREATE_CHILD_SA, "CREATE_CHILD_SA"},
	{IKE_X_INFORMATIONAL, "INFORMATIONAL"},
};
static const struct name payloads[] = {
	{IKE_P_SA, "SA"}, {IKE_P_KE, "KE"}, {IKE_P_IDI, "IDi"}, {IKE_P_IDR, "IDr"}, {IKE_P_CERT, "CERT"},
	{IKE_P_CERTREQ, "CERTREQ"}, {IKE_P_AUTH, "AUTH"}, {IKE_P_NONCE, "No"}, {IKE_P_NOTIFY, "N"},
	{IKE_P_DELETE, "D"}, {IKE_P_VENDOR, "V"}, {IKE_P_TSI, "TSi"}, {IKE_P_TSR, "TSr"}, {IKE_P_SK, "SK"},
	{IKE_P_CP, "CP"}, {IKE_P_EAP, "EAP"}, {IKE_P_SKF, "SKF"},
};
static const struct name protocols[] = {
	{IKE_PROTO_IKE, "IKE"}, {IKE_PROTO_AH, "AH"}, {IKE_PROTO_ESP, "ESP"},
};
static const struct name id_kinds[] = {
	{IKE_ID_IPV4, "IPV4_ADDR"}, {IKE_ID_FQDN, "FQDN"}, {IKE_ID_RFC822, "RFC822_ADDR"},
	{IKE_ID_IPV6, "IPV6_ADDR"}, {IKE_ID_DN, "DER_ASN1_DN"}, {IKE_ID_KEY, "KEY_ID"},
};
static const struct name auth_methods[] = {
	{1, "RSA_SIGNATURE"}, {2, "SHARED_KEY"}, {3, "DSS_SIGNATURE"}, {9, "ECDSA_256"}, {10, "ECDSA_384"},
	{11, "ECDSA_521"}, {13, "NULL"}, {14, "DIGITAL_SIGNATURE"},
};
static const struct name cp_kinds[] = {
	{1, "CFG_REQUEST"}, {2, "CFG_REPLY"}, {3, "CFG_SET"}, {4, "CFG_ACK"},
};
static const struct name cert_encodings[] = {
	{1, "PKCS7_X509"}, {4, "X509_SIGNATURE"}, {7, "CRL"}, {12, "HASH_AND_URL_X509"},
	{13, "HASH_AND_URL_X509_BUNDLE"},
};
static const struct name transform_types[] = {
	{IKE_T_ENCR, "ENCR"}, {IKE_T_PRF, "PRF"}, {IKE_T_INTEG, "INTEG"}, {IKE_T_KE, "KE"}, {IKE_T_ESN, "ESN"},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *name_of(const struct name *table, size_t n, unsigned int number)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].number == number)
			return table[i].name;
	return NULL;
}

const struct ike_notify_info *ike_notify_find(uint16_t kind)
{
	for (size_t i = 0; i < COUNT(notifies); i++)
		if (notifies[i].kind == kind)
			return &notifies[i];
	return NULL;
}

const char *ike_notify_name(uint16_t kind)
{
	const struct ike_notify_info *info = ike_notify_find(kind);

	return info ? info->name : NULL;
}

const char *ike_exchange_name(uint8_t exchange)
{
	return name_of(exchanges, COUNT(exchanges), exchange);
}

const char *ike_payload_name(uint8_t type)
{
	return name_of(payloads, COUNT(payloads), type);
}

const char *ike_protocol_name(unsigned int protocol)
{
	return name_of(protocols, COUNT(protocols), protocol);
}

const char *ike_id_kind_name(unsigned int kind)
{
	return name_of(id_kinds, COUNT(id_kinds), kind);
}

const char *ike_auth_method_name(unsigned int method)
{
	return name_of(auth_methods, COUNT(auth_methods), method);
}

const char *ike_cp_kind_name(unsigned int kind)
{
	return name_of(cp_kinds, COUNT(cp_kinds), kind);
}

const char *ike_cert_encoding_name(unsigned int encoding)
{
	return name_of(cert_encodings, COUNT(cert_encodings), encoding);
}

const char *ike_transform_type_name(unsigned int type)
{
	return name_of(transform_types, COUNT(transform_types), type);
}

const char *ike_ke_name(unsigned int group)
{
	const struct ike_alg *alg = ike_alg_find(IKE_T_KE, (uint16_t)group, 0);

	return alg ? alg->name : NULL;
}
