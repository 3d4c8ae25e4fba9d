/**
 * SplitMix64: a seeded generator whose sequence is the same everywhere. The 64 bits are kept as two halves because
 * BigInt arithmetic took thirty times as long.
 */
export class SplitMix64 {
  #high: number;
  #low: number;

  /** Only the 53 bits a number can hold exactly, and only its whole part. */
  constructor(seed: number) {
    const whole = Math.trunc(Math.abs(seed));
    this.#high = Math.floor(whole / 2 ** 32) >>> 0;
    this.#low = whole >>> 0;
  }

  /** Uniform in [0, 1), from the upper 53 bits. */
  next(): number {
    this.#advance();
    let high = this.#high;
    let low = this.#low;
    [high, low] = xorShift(high, low, 30);
    [high, low] = multiply(high, low, 0xbf58476d, 0x1ce4e5b9);
    [high, low] = xorShift(high, low, 27);
    [high, low] = multiply(high, low, 0x94d049bb, 0x133111eb);
    [high, low] = xorShift(high, low, 31);
    return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
  }

  /** Adds the golden ratio, 0x9e3779b97f4a7c15. */
  #advance(): void {
    const low = this.#low + 0x7f4a7c15;
    this.#high = (this.#high + 0x9e3779b9 + (low > 0xffffffff ? 1 : 0)) >>> 0;
    this.#low = low >>> 0;
  }
}

type Halves = [high: number, low: number];

/** `x ^ (x >> bits)` for fewer than 32 bits. */
function xorShift(high: number, low: number, bits: number): Halves {
  const shiftedLow = ((low >>> bits) | (high << (32 - bits))) >>> 0;
  return [(high ^ (high >>> bits)) >>> 0, (low ^ shiftedLow) >>> 0];
}

/** The lower 64 bits of a product. */
function multiply(high: number, low: number, otherHigh: number, otherLow: number): Halves {
  // Halves of the low halves, so that no partial product exceeds what a number holds exactly.
  const a = low >>> 16;
  const b = low & 0xffff;
  const c = otherLow >>> 16;
  const d = otherLow & 0xffff;
  const middle = a * d + b * c + ((b * d) >>> 16);
  const carry = a * c + Math.floor(middle / 0x10000);
  const productLow = Math.imul(low, otherLow) >>> 0;
  return [(carry + Math.imul(low, otherHigh) + Math.imul(high, otherLow)) >>> 0, productLow];
}
