/* SPDX-License-Identifier: MIT */
/* Runs every file of the directories named through a fuzz target: the corpus as a plain regression test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	uint8_t *data = malloc(1 << 20);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f || !data) {
		perror(path);
		free(data);
		return -1;
	}
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	/* a copy of the exact size, so that a sanitizer sees a read past the end */
	uint8_t *exact = malloc(n ? n : 1);

	if (exact) {
		for (size_t i = 0; i < n; i++)
			exact[i] = data[i];
		LLVMFuzzerTestOneInput(exact, n);
	}
	free(exact);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;

		if (!d) {
			perror(argv[i]);
			return 1;
		}
		while ((e = readdir(d))) {
			char path[4096];

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name);
			if (replay_file(path))
				return 1;
			files++;
		}
		closedir(d);
	}
	printf("%d inputs replayed\n", files);
	return files ? 0 : 1;
}
