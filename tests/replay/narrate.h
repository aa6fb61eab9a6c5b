/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a reader what happens during the replay. */
#ifndef NARRATE_H
#define NARRATE_H

#include "rules.h"

void narrate_request(enum kind kind, struct packet request, struct packet reply);
void narrate_end(uint32_t wrong);

#endif
