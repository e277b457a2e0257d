//! A store over another one: every operation is passed on, after a step of its own.

/// `impl TaskStore` for a type whose field `$inner` is a store; `$before` is an async method that is called first. What
/// stands in the braces is written by hand.
#[macro_export]
macro_rules! store_over {
    ($store:ty, $inner:ident, $before:ident, { $($own:tt)* }) => {
        $crate::store_over! { @pass $store, $inner, $before, { $($own)* }
            create(tasks: Vec<NewTask>) -> Result<Vec<Result<Created, CreateRefused>>, StoreError>;
            created_under(tenant: &Tenant, used: &caudal_engine::task::record::Idempotency) -> Result<Option<TaskId>, StoreError>;
            claim_next(request: ClaimRequest) -> Result<Claimed, StoreError>;
            renew(worker: &WorkerId, claims: &[(TaskId, Claim)]) -> Result<Vec<Renewed>, StoreError>;
            write(write: TaskWrite) -> Result<Written, WriteRefused>;
            rescue(most: usize) -> Result<Vec<Rescued>, StoreError>;
            fail_queued(task: TaskId, error: ErrorReport, notifications: Vec<NewNotification>) -> Result<bool, StoreError>;
            control(tenant: &Tenant, task: TaskId, control: Control) -> Result<TaskState, ControlRefused>;
            signal(tenant: &Tenant, signal: NewSignal) -> Result<SignalAccepted, SignalRefused>;
            task(tenant: &Tenant, task: TaskId) -> Result<Option<TaskRecord>, StoreError>;
            events(task: TaskId, after: u64, most_bytes: usize) -> Result<Vec<LogEntry>, StoreError>;
            last_event(task: TaskId) -> Result<Option<LogEntry>, StoreError>;
            list(filter: &TaskFilter) -> Result<TaskPage, StoreError>;
            delete(tenant: &Tenant, task: TaskId) -> Result<(), ControlRefused>;
            check() -> Result<(), StoreError>;
        }
    };
    (@pass $store:ty, $inner:ident, $before:ident, { $($own:tt)* }
        $( $name:ident ( $($argument:ident: $type:ty),* ) -> $answer:ty; )*) => {
        #[async_trait::async_trait]
        impl caudal_engine::ports::TaskStore for $store {
            fn lease(&self) -> Option<std::time::Duration> {
                self.$inner.lease()
            }

            $( async fn $name(&self, $($argument: $type),*) -> $answer {
                self.$before().await;
                self.$inner.$name($($argument),*).await
            } )*

            $($own)*
        }
    };
}
