/* A folder of its own for each test program, with the files that the example configuration names.
 */
#ifndef TEST_CONFIG_FOLDER_H
#define TEST_CONFIG_FOLDER_H

/* Makes it and goes into it; ends the program on failure. */
void folder_enter(void);
void folder_leave(void);
const char *folder_path(void);
void folder_write(const char *name, const char *text);
/* A self-signed certificate and its key as PEM. */
void folder_certificate(const char *certificate, const char *key);

#endif
