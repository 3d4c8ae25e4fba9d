/** Version of this implementation, as `server.handshake` answers it. Equal to the packages' own (tested). */
export const version = '0.1.0';
