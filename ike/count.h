/* SPDX-License-Identifier: MIT */
/*
 * Private to ike/: the wire of count-based SAs, draft-liu-ipsecme-ikev2-rekey-redundant-sas-01 section 5. Two notifies
 * without SPI whose data is, in network order and without padding:
 *   COUNT_BASED_SA_PROPOSED  1..n times { u16 ENCR transform id, u16 Rekey Value, u64 minimum, u64 maximum }
 *   COUNT_BASED_SA_SELECTED  { u16 Rekey Value, u64 lifetime }
 * Lifetimes are bytes. The draft says "Transform type 2"; what it describes is the cipher, which is type 1.
 */
#ifndef IKE_COUNT_H
#define IKE_COUNT_H

#include "base/bytes.h"
#include "ike/message.h"

enum { IKE_COUNT_ENTRY_LEN = 20, IKE_COUNT_SELECTED_LEN = 10, IKE_COUNT_ENTRIES_MAX = 16 };

struct ike_count_entry {
	uint16_t encr, value;
	uint64_t min, max;
};

struct ike_count_selected {
	uint16_t value;
	uint64_t bytes;
};

/* As on the wire, after what is in w; w's own mark says whether it had room. */
void ike_count_entry_encode(const struct ike_count_entry *e, struct wr *w);
void ike_count_selected_encode(const struct ike_count_selected *s, struct wr *w);
/* Entry n of PROPOSED's data; false: there are no more. The length must have been checked. */
bool ike_count_entry_decode(const struct ike_payload *p, unsigned int n, struct ike_count_entry *out);

enum ike_count_found { IKE_COUNT_ABSENT, IKE_COUNT_GOOD, IKE_COUNT_BAD };

/*
 * The one entry for this cipher in all COUNT_BASED_SA_PROPOSED of a message (the draft allows several). ABSENT: there
 * is no such notify. BAD: *why says what is wrong with them; nothing in them is to be used.
 */
enum ike_count_found ike_count_proposed(const struct ike_message *m, uint16_t encr, struct ike_count_entry *out,
					const char **why);
/* The same for COUNT_BASED_SA_SELECTED. */
enum ike_count_found ike_count_selected(const struct ike_message *m, struct ike_count_selected *out, const char **why);

#endif
