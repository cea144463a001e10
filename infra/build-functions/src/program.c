/* A function's own program. FUNCTION is its entry in the library of all functions (infra/all-functions). */

#include <signal.h>

int FUNCTION(void);

int main(void) {
    /* As at the start of any program of Rust: who writes to a closed connection gets an error. */
    signal(SIGPIPE, SIG_IGN);
    return FUNCTION();
}
