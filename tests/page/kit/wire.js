// A network between the browser and the server that can be cut: what goes through it ends, and nothing new gets through.

import { connect, createServer } from 'node:net';

export class Wire {
  #sockets = new Set();
  #isCut = false;

  /** Leads to a port of this machine. */
  static async to(port) {
    const wire = new Wire();
    wire.server = createServer((near) => {
      if (wire.#isCut) {
        near.destroy();
        return;
      }
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [[near, far], [far, near]]) {
        wire.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => {});
        one.on('close', () => {
          wire.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise((resolve) => { wire.server.listen(0, '127.0.0.1', resolve); });
    wire.url = `http://127.0.0.1:${wire.server.address().port}`;
    return wire;
  }

  cut() {
    this.#isCut = true;
    this.#sockets.forEach((socket) => socket.destroy());
  }

  mend() {
    this.#isCut = false;
  }

  close() {
    this.cut();
    this.server.close();
  }
}
