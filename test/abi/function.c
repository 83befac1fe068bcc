/* `iso_policy` as a function: what an author may come to believe it is. */
__attribute__((visibility("default"))) const void *iso_policy(void);

const void *iso_policy(void)
{
    return "not a struct iso_policy";
}
