// A program: answers each datagram to PORT with `pong` and what it held; run inside a container's network namespace.
//
// usage: udp-echo.ts PORT
import dgram from 'node:dgram';

const socket = dgram.createSocket('udp4');
socket.on('message', (message, from) => socket.send(`pong ${message}`, from.port, from.address));
socket.bind(Number(process.argv[2]), () => process.stdout.write('listens\n'));
