//! What may happen to a task, each a pipeline of named steps.
