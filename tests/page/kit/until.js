// Waiting for a fact. The limit is only there so that a test that fails ends.

const LIMIT_MS = 60_000;
const PAUSE_MS = 50;

export async function until(isTrue, fact) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await isTrue();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain until ${fact}`);
    await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  }
}
