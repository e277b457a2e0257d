// How the live connection is: `connecting`, `live` or `lost`. Fires `change`.

class Health extends EventTarget {
  state = 'connecting';

  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

export const health = new Health();
