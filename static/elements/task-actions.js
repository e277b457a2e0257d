// <task-actions>: the buttons that steer a task; only those that its state allows.

import { post } from '../api.js';
import { fill, h } from '../dom.js';
import { isEnded } from '../format.js';
import { go, toFlow, toTask } from '../route.js';
import { reload } from '../tasks.js';
import { text } from '../text.js';

const CONFIRM_MS = 4000;

class TaskActions extends HTMLElement {
  #shown = '';

  show(task) {
    const { state, record } = task;
    const flags = task.ended ? '' : record?.cancelling ? 'cancelling' : record?.pausing ? 'pausing' : '';
    const key = `${state} ${flags} ${record?.flow ?? ''}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.task = task;
    this.problem = h('p', { class: 'field-error', role: 'alert', hidden: true });
    fill(this, h('div', { class: 'buttons', role: 'group', 'aria-label': text.task.actions }, this.#buttons(state, flags, record)), this.problem);
  }

  #buttons(state, flags, record) {
    if (flags) return [h('span', { class: 'actions-note' }, text.task[flags]), flags === 'pausing' ? this.#cancelButton() : null];
    if (isEnded(state)) {
      const retry = state === 'FAILURE' ? text.task.retry : text.task.retryCancelled;
      return [
        state === 'SUCCESS' ? null : this.#button(retry, 'retry', 'is-primary'),
        record ? h('a', { class: 'button', href: toFlow(record.flow, this.task.id) }, text.task.again) : null,
      ];
    }
    return [
      state === 'PAUSED' ? this.#button(text.task.resume, 'resume', 'is-primary') : this.#button(text.task.pause, 'pause'),
      this.#cancelButton(),
    ];
  }

  #button(label, control, look = '') {
    return h('button', { type: 'button', class: `button ${look}`, onclick: (event) => this.#do(control, event.currentTarget) }, label);
  }

  /** Asks once more in place: what is cancelled does not come back. */
  #cancelButton() {
    const button = h('button', { type: 'button', class: 'button is-danger' }, text.task.cancel);
    let timer = null;
    button.addEventListener('click', () => {
      if (timer) {
        clearTimeout(timer);
        this.#do('cancel', button);
        return;
      }
      button.textContent = text.task.confirmCancel;
      button.classList.add('is-asking');
      timer = setTimeout(() => {
        timer = null;
        button.textContent = text.task.cancel;
        button.classList.remove('is-asking');
      }, CONFIRM_MS);
    });
    return button;
  }

  async #do(control, button) {
    button.disabled = true;
    this.problem.hidden = true;
    try {
      const answer = await post(`/tasks/${encodeURIComponent(this.task.id)}/${control}`);
      if (control === 'retry' && answer?.task_id) go(toTask(answer.task_id));
      else await reload(this.task.id);
    } catch (error) {
      this.problem.textContent = [error.message, error.hint].filter(Boolean).join(' ');
      this.problem.hidden = false;
    }
    button.disabled = false;
  }
}

customElements.define('task-actions', TaskActions);
