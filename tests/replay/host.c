/* SPDX-License-Identifier: Apache-2.0 */
/* On the host: replay <flash> <trace> <secondary> [--narrate] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "narrate.h"
#include "replay.h"

void replay_say(const char *text)
{
    (void)fputs(text, stdout);
}

void replay_say_number(uint32_t number)
{
    (void)printf("%lu", (unsigned long)number);
}

static uint8_t *load(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data;
    long size;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(name);
        exit(2);
    }
    size = ftell(file);
    rewind(file);
    data = malloc((size_t)size);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size) {
        perror(name);
        exit(2);
    }
    (void)fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    struct replay_input input = {0};
    uint8_t *blobs[3];
    uint32_t wrong;
    int narrated = argc == 5 && strcmp(argv[4], "--narrate") == 0;

    if (argc != 4 && !narrated) {
        (void)fprintf(stderr, "usage: replay <flash> <trace> <secondary> [--narrate]\n");
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        blobs[i] = load(argv[1 + i]);
    }
    input.flash = blobs[0];
    input.trace = blobs[1];
    input.secondary = blobs[2];
    input.watch = narrated ? narrate_request : NULL;
    wrong = replay_run(&input);
    if (narrated) {
        narrate_end(wrong);
    }
    for (int i = 0; i < 3; i++) {
        free(blobs[i]);
    }
    return wrong == 0 ? 0 : 1;
}
