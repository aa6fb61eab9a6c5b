/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's functions without the kit: what size_main.c alone costs. */
#include "smpkit.h"

int32_t smpkit_init(struct smpkit *kit, const struct smpkit_port *port,
                    const struct smpkit_config *config)
{
    (void)kit; (void)port; (void)config;
    return 0;
}

int32_t smpkit_poll(struct smpkit *kit)
{
    (void)kit;
    return 0;
}

int32_t smpkit_link_open(struct smpkit *kit, struct smpkit_link *link,
                         const struct smpkit_link_config *config)
{
    (void)kit; (void)link; (void)config;
    return 0;
}

int32_t smpkit_link_rx(struct smpkit_link *link, const void *data, uint32_t len)
{
    (void)link; (void)data; (void)len;
    return 0;
}

int32_t smpkit_link_close(struct smpkit_link *link)
{
    (void)link;
    return 0;
}

int32_t smpkit_image_status(struct smpkit *kit, struct smpkit_image_status *out)
{
    (void)kit; (void)out;
    return 0;
}

int32_t smpkit_confirm(struct smpkit *kit)
{
    (void)kit;
    return 0;
}
