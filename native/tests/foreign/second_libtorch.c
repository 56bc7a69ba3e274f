/* A library with the name of a LibTorch and nothing inside: two of that name in one process are one too many. */
int second_libtorch(void);
int second_libtorch(void) { return 2; }
