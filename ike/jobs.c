/* SPDX-License-Identifier: MIT */
#include "ike/engine.h"

static const struct ike_job_row jobs[] = {
	[IKE_JOB_INIT] = {"start", IKE_X_SA_INIT, .cancel = ike_init_cancel},
	[IKE_JOB_AUTH] = {"authenticate", IKE_X_AUTH, .build = ike_auth_build, .answered = ike_auth_answered,
			  .cancel = ike_auth_cancel},
	[IKE_JOB_CHILD] = {"child", IKE_X_CREATE_CHILD_SA, .child = true, .build = ike_create_build,
			   .answered = ike_create_answered, .cancel = ike_create_cancel},
	[IKE_JOB_CHILD_DELETE] = {"delete child", IKE_X_INFORMATIONAL, .child = true, .build = ike_child_delete_build,
				  .answered = ike_child_delete_answered},
	[IKE_JOB_REKEY] = {"rekey", IKE_X_CREATE_CHILD_SA, .alone = true, .build = ike_sa_rekey_build,
			   .answered = ike_sa_rekey_answered, .cancel = ike_sa_rekey_cancel},
	[IKE_JOB_DELETE] = {"delete", IKE_X_INFORMATIONAL, .build = ike_sa_delete_build,
			    .answered = ike_sa_delete_answered},
	[IKE_JOB_LIVENESS] = {"liveness", IKE_X_INFORMATIONAL},
	[IKE_JOB_WINDOW] = {"window", IKE_X_INFORMATIONAL, .build = ike_window_build, .answered = ike_window_answered},
};

const struct ike_job_row *ike_job_row(enum ike_job job)
{
	return &jobs[job];
}
