// Stands between an exporter and Meridian: keeps every datagram, passes it on from an address of its own, or holds it back.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

async function bound(address) {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

export class Relay {
  /** Passes on to a UDP port of 127.0.0.1, as an exporter at `address`. */
  static async start(targetPort, { address = '127.0.0.1' } = {}) {
    const relay = new Relay();
    relay.targetPort = targetPort;
    relay.received = [];
    relay.sent = 0;
    /** Whether the datagram of this number, from 0, is passed on. */
    relay.passes = () => true;
    relay.inlet = await bound('127.0.0.1');
    relay.outlet = await bound(address);
    relay.inlet.on('message', (datagram) => {
      relay.received.push(datagram);
      if (relay.passes(relay.received.length - 1, datagram)) relay.send(datagram);
    });
    return relay;
  }

  /** Where the exporter has to send to. */
  get target() {
    return `127.0.0.1:${this.inlet.address().port}`;
  }

  /** Sends one datagram to Meridian, always from the same port; answers when the kernel has it. */
  send(datagram) {
    this.sent += 1;
    return new Promise((resolve, reject) => {
      this.outlet.send(datagram, this.targetPort, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  }

  close() {
    this.inlet.close();
    this.outlet.close();
  }
}
