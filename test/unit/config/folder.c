#include "folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"

static char path[64];

const char *folder_path(void)
{
    return path;
}

void folder_write(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK(fclose(file) == 0);
}

void folder_certificate(const char *certificate, const char *key)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    CHECK(pair != NULL && x509 != NULL);
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, pair);
    X509_NAME *name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"edge.test", -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    CHECK(X509_sign(x509, pair, EVP_sha256()) > 0);
    FILE *file = fopen(certificate, "w");
    CHECK(file != NULL && PEM_write_X509(file, x509) == 1 && fclose(file) == 0);
    file = fopen(key, "w");
    CHECK(file != NULL && PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) == 1 &&
          fclose(file) == 0);
    X509_free(x509);
    EVP_PKEY_free(pair);
}

void folder_enter(void)
{
    strcpy(path, "/tmp/isochrone-config-XXXXXX");
    CHECK(mkdtemp(path) != NULL && chdir(path) == 0);
    folder_certificate("edge.pem", "edge.key");
    folder_write("hohhot.key", " canary-secret\r\n\n");
    folder_write("keys.txt", "");
    folder_write("city-v4.mmdb", "");
    folder_write("city-v6.mmdb", "");
}

void folder_leave(void)
{
    DIR *all = opendir(path);
    CHECK(all != NULL);
    for (const struct dirent *entry; (entry = readdir(all)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(entry->d_name);
    closedir(all);
    CHECK(chdir("/") == 0 && rmdir(path) == 0);
}
