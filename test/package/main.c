/* A program as a user has it outside of weft's tree: how it gets at weft is what test/package.sh varies. */
#include <weft/weft.h>

#include <stdio.h>
#include <string.h>

static void square(void *arg)
{
	int *n = arg;

	*n *= *n;
}

int main(void)
{
	weft_waitgroup_t group = WEFT_WAITGROUP_INIT;
	char built_for[32];
	int numbers[100];
	int sum = 0;

	snprintf(built_for, sizeof(built_for), "%d.%d.%d", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR,
		WEFT_VERSION_PATCH);
	if (strcmp(built_for, weft_version()) != 0) {
		fprintf(stderr, "headers of weft %s, library of %s\n", built_for, weft_version());
		return 1;
	}
	for (int i = 0; i < 100; i++) {
		numbers[i] = i + 1;
		if (weft_waitgroup_go(&group, square, &numbers[i]) < 0)
			return 1;
	}
	weft_waitgroup_wait(&group);
	for (int i = 0; i < 100; i++)
		sum += numbers[i];
	printf("weft: sum of squares %d\n", sum);
	return 0;
}
