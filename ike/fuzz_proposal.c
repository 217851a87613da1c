/* SPDX-License-Identifier: MIT */
/* Fuzz target: proposals as an operator writes them. The first octet's low bit chooses the protocol. */
#include <stdlib.h>

#include "ike/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_proposal p, again;
	char spec[512], error[64], printed[1024];
	uint8_t protocol;

	if (!size || size >= sizeof(spec))
		return 0;
	protocol = data[0] & 1 ? IKE_PROTO_ESP : IKE_PROTO_IKE;
	memcpy(spec, data + 1, size - 1);
	spec[size - 1] = '\0';
	if (ike_proposal_read(&p, protocol, spec, error, sizeof(error)))
		return 0;
	/* what is printed reads back the same */
	ike_proposal_print(&p, printed, sizeof(printed));
	if (ike_proposal_read(&again, protocol, printed, error, sizeof(error)) || memcmp(&p, &again, sizeof(p)))
		abort();
	return 0;
}
