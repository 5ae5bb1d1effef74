// The release that -v, Connect and Info name.
export const shimVersion = '0.1.0';
