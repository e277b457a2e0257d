// Does something in the next frame. A tab that nobody sees gets no frames, also not the one that it asked for just before
// it was hidden: then a timer does it.

const HIDDEN_MS = 250;

export function soon(then) {
  let isDone = false;
  const once = () => {
    if (isDone) return;
    isDone = true;
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    then();
  };
  const timer = setTimeout(once, HIDDEN_MS);
  const frame = requestAnimationFrame(once);
}
