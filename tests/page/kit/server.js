// The product as a user gets it: the binary on a free port and a folder of its own, killed and started again at will.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { until } from './until.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NAMES = ['caudal-under-test', 'caudal'];

export function binary() {
  const given = process.env.CAUDAL_UNDER_TEST;
  const found = given ? [given] : NAMES.map((name) => join(ROOT, 'target/debug', name)).filter(existsSync);
  if (found.length === 0) throw new Error('there is no binary to test: run `cargo build -p caudal-tests` first');
  return found[0];
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export class Server {
  #process = null;
  #said = '';

  static async start(settings = {}) {
    const server = new Server();
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.folder = await mkdtemp(join(tmpdir(), 'caudal-page-'));
    server.settings = settings;
    await server.up();
    return server;
  }

  async up() {
    const own = { CAUDAL_DIAGNOSTICS: '1', CAUDAL_FETCH_ALLOW_PRIVATE: '1', CAUDAL_LISTEN: `127.0.0.1:${this.port}`, CAUDAL_DATA_FOLDER: join(this.folder, 'data'), CAUDAL_LOG_FILTER: 'warn' };
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAUDAL_')));
    this.#process = spawn(binary(), ['serve'], { cwd: this.folder, env: { ...inherited, ...own, ...this.settings }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream.on('data', (data) => { this.#said += data; });
    await until(() => this.isUp(), `the server answers; it said: ${this.#said}`);
  }

  get processId() {
    return this.#process.pid;
  }

  async isUp() {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      if (this.#process.exitCode !== null) throw new Error(`the server ended: ${this.#said}`);
      return false;
    }
  }

  /** As a crash would. */
  async kill() {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await ended;
  }

  async stop() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async get(path) {
    const answer = await fetch(this.url + path, { headers: { Accept: 'application/json' } });
    return answer.json();
  }

  async post(path, body = {}) {
    const answer = await fetch(this.url + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(json)}`);
    return json;
  }

  /** Starts a task and answers its id. */
  async begin(flow, inputs = {}, options = {}) {
    return (await this.post('/start-task', { flow, inputs, ...options })).task_id;
  }

  task(id) {
    return this.get(`/tasks/${id}`);
  }

  /** Waits until the task has this state. */
  reaches(id, ...states) {
    return until(async () => {
      const task = await this.task(id);
      return states.includes(task.state) && task;
    }, `task ${id} is ${states.join(' or ')}`);
  }
}
