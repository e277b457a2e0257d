// <task-actions>: the buttons that steer a task; only those that its state allows.

import { newKey, post } from '../api.js';
import { fill, h } from '../dom.js';
import { isEnded } from '../format.js';
import { go, toFlow, toTask } from '../route.js';
import { canStopWorker } from '../server.js';
import { reload } from '../tasks.js';
import { language, text } from '../text.js';
import { confirmButton } from './confirm-button.js';
import { problemWords } from './problem-note.js';

class TaskActions extends HTMLElement {
  #shown = '';
  /** By what they begin: pressed twice, or after an answer that was lost, it is one task. */
  #keys = new Map();
  /** Stays the same while one may cancel, whatever comes and goes around it: it may be asking already. */
  #cancel = null;

  show(task) {
    const { state, record } = task;
    const flags = task.ended ? '' : record.cancelling ? 'cancelling' : record.pausing ? 'pausing' : '';
    // Buttons that stay the same stay: a click that has half happened would be lost with its button.
    const worker = state === 'PROGRESS' ? record.worker : null;
    const key = `${state} ${flags} ${record.flow} ${worker ?? ''}`;
    if (key === this.#shown) return;
    this.#shown = key;
    if (task.id !== this.task?.id) this.#cancel = null;
    this.task = task;
    const hadFocus = this.#cancel && this.#cancel === document.activeElement;
    this.problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    const buttons = h('div', { class: 'buttons', role: 'group', 'aria-label': text.task.actions }, this.#buttons(state, flags, record));
    fill(this, buttons, this.problem);
    if (hadFocus && this.#cancel.isConnected) this.#cancel.focus();
    if (worker) this.#offerStop(buttons, worker, key);
  }

  #buttons(state, flags, record) {
    if (flags) return [h('span', { class: 'actions-note' }, text.task[flags]), flags === 'pausing' ? this.#cancelButton() : null];
    if (isEnded(state)) {
      const retry = state === 'FAILURE' ? text.task.retry : text.task.retryCancelled;
      return [
        state === 'SUCCESS' ? null : this.#button(retry, (button) => this.#retry(button), 'is-primary'),
        hasSecrets(record.input) ? null : this.#button(text.task.again, (button) => this.#startAgain(button)),
        h('a', { class: 'button', href: toFlow(record.flow, this.task.id) }, text.task.edit),
      ];
    }
    return [
      state === 'PAUSED' ? this.#button(text.task.resume, (button) => this.#control('resume', button), 'is-primary')
        : this.#button(text.task.pause, (button) => this.#control('pause', button)),
      this.#cancelButton(),
    ];
  }

  #button(label, act, look = '') {
    return h('button', { type: 'button', class: `button ${look}`, onclick: (event) => act(event.currentTarget) }, label);
  }

  #cancelButton() {
    this.#cancel ??= confirmButton(text.task.cancel, text.task.confirmCancel, (button) => this.#control('cancel', button));
    return this.#cancel;
  }

  /** For demonstrations, where the server says that it may be done. */
  async #offerStop(buttons, worker, key) {
    if (!await canStopWorker() || key !== this.#shown) return;
    buttons.prepend(confirmButton(text.task.stopWorker, text.task.confirmStop, (button) => this.#do(button, () =>
      post(`/workers/${encodeURIComponent(worker)}/stop`)), text.task.stopWorkerHelp));
  }

  #control(control, button) {
    return this.#do(button, async () => {
      await post(`/tasks/${encodeURIComponent(this.task.id)}/${control}`);
      await reload(this.task.id);
    });
  }

  /** Goes on in a new task from where this one ended. */
  #retry(button) {
    return this.#begin(button, 'retry', `/tasks/${encodeURIComponent(this.task.id)}/retry`);
  }

  /** The same once more. */
  #startAgain(button) {
    return this.#begin(button, 'again', '/start-task', sameStart(this.task.record));
  }

  #begin(button, what, path, body) {
    if (!this.#keys.has(what)) this.#keys.set(what, newKey());
    return this.#do(button, async () => {
      const { task_id: id } = await post(path, body, { 'Idempotency-Key': this.#keys.get(what) });
      this.#keys.delete(what);
      // Who went on meanwhile is not called back.
      if (this.isConnected) go(toTask(id));
    });
  }

  async #do(button, act) {
    const hadFocus = document.activeElement === button;
    button.disabled = true;
    this.problem.hidden = true;
    try {
      await act();
    } catch (error) {
      fill(this.problem, problemWords(error));
      this.problem.hidden = false;
    }
    button.disabled = false;
    // What is disabled, or drawn anew, loses the focus; who came by keyboard stays here.
    const isLost = hadFocus && [document.body, button].includes(document.activeElement);
    if (isLost && this.isConnected) (button.isConnected ? button : this.querySelector('button, a'))?.focus();
  }
}

/** With all that the task was told to be besides its inputs. */
function sameStart({ flow, input, tags, priority }) {
  return { flow, inputs: input ?? {}, locale: language, ...(tags?.length > 0 ? { tags } : {}), ...(priority && priority !== 'normal' ? { priority } : {}) };
}

/** What is masked must be typed again. */
function hasSecrets(value) {
  if (value === '***') return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasSecrets);
}

customElements.define('task-actions', TaskActions);
