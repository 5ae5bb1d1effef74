// Major and minor of a device number as stat(2) gives it. Whoever turns device nodes into rules and limits asks here.

/** glibc's encoding of a 64-bit dev_t. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const number = BigInt(rdev);
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & ~0xfffn)),
    minor: Number((number & 0xffn) | ((number >> 12n) & ~0xffn)),
  };
}
