// What a careless or hostile caller does: every call must come back with a result. Arguments: a good license for
// com.bank.app, a good grant for its Android app with the nonce, the time, and the nonce. Ends with 0, or names the line.
#include "oz_license.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(fact) \
  do { \
    if (!(fact)) { \
      fprintf(stderr, "abi.c:%d: %s\n", __LINE__, #fact); \
      return 1; \
    } \
  } while (0)

static const char APP[] = "com.bank.app";

// Exactly the file's bytes on the heap, nothing behind them.
static uint8_t *read_file(const char *path, size_t *len) {
  static uint8_t all[1 << 17];
  FILE *from = fopen(path, "rb");
  if (from == NULL) return NULL;
  *len = fread(all, 1, sizeof all, from);
  fclose(from);
  uint8_t *bytes = malloc(*len);
  if (bytes != NULL) memcpy(bytes, all, *len);
  return bytes;
}

int main(int count, char **words) {
  MUST(count == 5);
  size_t len, grant_len;
  uint8_t *file = read_file(words[1], &len), *grant = read_file(words[2], &grant_len);
  MUST(file != NULL && grant != NULL);
  int64_t now = strtoll(words[3], NULL, 10);
  const char *nonce = words[4];
  OzLicense says, none;
  memset(&none, 0, sizeof none);

  // What is good is good, and tells what it says.
  memset(&says, 0xff, sizeof says);
  MUST(oz_license_verify(file, len, APP, now, &says) == OZ_RESULT_OK);
  MUST(says.state == OZ_STATE_ACTIVE && strcmp(says.license_id, "L-1") == 0 && says.expires_at == 1798761600);
  MUST(says.features == (OZ_FEATURE_QUALITY | OZ_FEATURE_BIOMETRY | OZ_FEATURE_WEB));
  MUST(oz_license_verify(file, len, APP, now, NULL) == OZ_RESULT_OK);
  MUST(oz_grant_verify(grant, grant_len, OZ_PLATFORM_ANDROID, APP, nonce, now, &says) == OZ_RESULT_OK);
  MUST(says.features == OZ_FEATURE_QUALITY && says.expires_at == now + 600);

  // A sound license that is refused still says which it is and when it ends, and permits nothing.
  MUST(oz_license_verify(file, len, "com.evil", now, &says) == OZ_RESULT_NOT_COVERED);
  MUST(says.state == 0 && says.features == 0 && strcmp(says.license_id, "L-1") == 0);

  // Nothing where something should be.
  memset(&says, 0xff, sizeof says);
  MUST(oz_license_verify(NULL, 0, APP, now, &says) == OZ_RESULT_NOT_FOUND);
  MUST(memcmp(&says, &none, sizeof says) == 0);
  MUST(oz_license_verify(NULL, len, APP, now, &says) == OZ_RESULT_NOT_FOUND);
  MUST(oz_license_verify(file, 0, APP, now, &says) == OZ_RESULT_NOT_FOUND);
  MUST(oz_license_verify(file, len, NULL, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_license_verify(NULL, 0, NULL, now, NULL) == OZ_RESULT_NOT_FOUND);
  MUST(oz_license_verify_master(file, len, APP, NULL, 9, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(NULL, 0, OZ_PLATFORM_ANDROID, APP, nonce, now, &says) == OZ_RESULT_NOT_FOUND);
  MUST(oz_grant_verify(grant, grant_len, OZ_PLATFORM_ANDROID, NULL, nonce, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(grant, grant_len, OZ_PLATFORM_ANDROID, APP, NULL, now, NULL) == OZ_RESULT_BAD_ARGUMENT);

  // Lengths that cannot be true: not a byte is read.
  MUST(oz_license_verify(file, 65537, APP, now, &says) == OZ_RESULT_TOO_LONG);
  MUST(oz_license_verify(file, SIZE_MAX, APP, now, &says) == OZ_RESULT_TOO_LONG);
  MUST(oz_license_verify((const uint8_t *)1, SIZE_MAX, APP, now, &says) == OZ_RESULT_TOO_LONG);
  MUST(oz_license_verify_master(file, len, APP, file, SIZE_MAX, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(grant, SIZE_MAX, OZ_PLATFORM_WEB, APP, nonce, now, &says) == OZ_RESULT_TOO_LONG);

  // Bytes and numbers that mean nothing.
  MUST(oz_license_verify(file, len, "\xff\xfe", now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(grant, grant_len, OZ_PLATFORM_ANDROID, APP, "\xc3\x28", now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_license_verify(file, len, APP, INT64_MAX, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_license_verify(file, len, APP, INT64_MIN, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(grant, grant_len, 0, APP, nonce, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(oz_grant_verify(grant, grant_len, UINT32_MAX, APP, nonce, now, &says) == OZ_RESULT_BAD_ARGUMENT);
  MUST(memcmp(&says, &none, sizeof says) == 0);
  MUST(oz_grant_verify(file, len, OZ_PLATFORM_ANDROID, APP, nonce, now, &says) == OZ_RESULT_ARMOUR);

  // Not one flipped bit is accepted.
  for (size_t bit = 0; bit < len * 8; bit++) {
    file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    MUST(oz_license_verify(file, len, APP, now, NULL) != OZ_RESULT_OK);
    file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
  }
  for (size_t bit = 0; bit < grant_len * 8; bit++) {
    grant[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    MUST(oz_grant_verify(grant, grant_len, OZ_PLATFORM_ANDROID, APP, nonce, now, NULL) != OZ_RESULT_OK);
    grant[bit / 8] ^= (uint8_t)(1u << (bit % 8));
  }
  MUST(oz_license_verify(file, len, APP, now, NULL) == OZ_RESULT_OK);

  // Every number has a text, also those that are no result.
  for (uint32_t number = 0; number < 100; number++) {
    MUST(strlen(oz_license_error_text(number)) > 0 && strlen(oz_license_word(number)) > 0);
  }
  MUST(strcmp(oz_license_word(UINT32_MAX), "unknown") == 0 && strcmp(oz_license_word(OZ_RESULT_EXPIRED), "expired") == 0);
  MUST(strchr(oz_license_version(), '.') != NULL);
  free(file);
  free(grant);
  printf("%zu\n", (len + grant_len) * 8);
  return 0;
}
