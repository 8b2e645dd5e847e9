/*
 * lab.h - the labs: each shows something live, says line by line what it has seen, and whether that is what
 * it claims.
 */
#ifndef WEFT_CLI_LAB_H
#define WEFT_CLI_LAB_H

#include <stdbool.h>

#include "output.h"

/* Each gets its own name as argv[0] and returns the exit status. */
int lab_getdir(int argc, char **argv);
int lab_mutex(int argc, char **argv);

/* What a lab prints, and how it goes. Of one task. */
struct lab {
	struct sink sink;
	struct buffer out; /* the line that is being written */
	unsigned claims;
	unsigned kept; /* of them as claimed */
};

void lab_begin(struct lab *lab);
/* Prints the result; the exit status. name as in "weft lab getdir", for messages. */
int lab_end(struct lab *lab, const char *name);

/* A heading, after an empty line. */
void lab_heading(struct lab *lab, const char *text);
/*
 * A line that says what was seen: whether it is as claimed, what it is about, then whatever is added to
 * lab->out, then lab_line_end. lab_note begins a line that claims nothing.
 */
void lab_claim(struct lab *lab, bool kept, const char *what);
void lab_note(struct lab *lab, const char *what);
void lab_line_end(struct lab *lab);

#endif /* WEFT_CLI_LAB_H */
