// Verifies a file and prints one word: the license's state, `good`, or why it is refused. Ends with 0 if it may be used.
//
//   verify license FILE NOW APP_ID [SIGNATURE_FILE]
//   verify grant   FILE NOW android|ios|web APP_ID_OR_ORIGIN NONCE
//
// Build it with `cc verify.c -loz_license`, or with `liboz_license.a` and its `-lpthread -ldl -lm`.
#include "oz_license.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t *bytes;
  size_t len;
} File;

// All bytes of a file, as they are; none if it cannot be read.
static File read_file(const char *path) {
  File file = {NULL, 0};
  FILE *from = fopen(path, "rb");
  if (from == NULL) return file;
  uint8_t part[4096];
  size_t n;
  while ((n = fread(part, 1, sizeof part, from)) > 0) {
    uint8_t *grown = realloc(file.bytes, file.len + n);
    if (grown == NULL) break;
    memcpy(grown + file.len, part, n);
    file.bytes = grown;
    file.len += n;
  }
  fclose(from);
  return file;
}

static uint32_t platform(const char *word) {
  if (strcmp(word, "android") == 0) return OZ_PLATFORM_ANDROID;
  if (strcmp(word, "ios") == 0) return OZ_PLATFORM_IOS;
  if (strcmp(word, "web") == 0) return OZ_PLATFORM_WEB;
  return 0;
}

static const char *state(uint32_t state) {
  switch (state) {
    case OZ_STATE_ACTIVE: return "active";
    case OZ_STATE_RENEWAL_DUE: return "renewal_due";
    case OZ_STATE_GRACE: return "grace";
    default: return "none";
  }
}

int main(int count, char **words) {
  int license = count >= 5 && count <= 6 && strcmp(words[1], "license") == 0;
  int grant = count == 7 && strcmp(words[1], "grant") == 0;
  if (!license && !grant) {
    fputs("verify license FILE NOW APP_ID [SIGNATURE_FILE] | verify grant FILE NOW PLATFORM ID NONCE\n", stderr);
    return 2;
  }
  File file = read_file(words[2]);
  int64_t now = strtoll(words[3], NULL, 10);
  OzLicense says;
  OzResult result;
  if (grant) {
    result = oz_grant_verify(file.bytes, file.len, platform(words[4]), words[5], words[6], now, &says);
  } else if (count == 6) {
    File signature = read_file(words[5]);
    result = oz_license_verify_master(file.bytes, file.len, words[4], signature.bytes, signature.len, now, &says);
    free(signature.bytes);
  } else {
    result = oz_license_verify(file.bytes, file.len, words[4], now, &says);
  }
  free(file.bytes);
  printf("%s %u\n", license && result == OZ_RESULT_OK ? state(says.state) : oz_license_word(result), says.features);
  if (result != OZ_RESULT_OK) fprintf(stderr, "%s (%s)\n", oz_license_error_text(result), says.license_id);
  return result == OZ_RESULT_OK ? 0 : 1;
}
