//! A store of several partitions, whose ids anybody may choose.

use std::sync::Arc;

use caudal_engine::ports::{ClaimRequest, CreateRefused, Created, IdSource, RandomIds, TaskStore};
use caudal_engine::task::{NewTask, TaskId};
use caudal_engine::testing::conformance::Parts;
use caudal_stores::redis::{RedisSettings, RedisStore};

use super::open_store;
use super::scenes::Scene;

pub struct Spread {
    pub scene: Scene,
    pub store: Arc<RedisStore>,
}

pub async fn open(settings: &RedisSettings) -> Spread {
    let parts = Parts { ids: Arc::new(RandomIds), ..Parts::default() };
    let store = open_store(settings, &parts).await;
    Spread { scene: Scene::of(&store, parts), store }
}

impl Spread {
    pub fn new_task(&self, partition: u16) -> NewTask {
        let new = self.scene.trial.new_task();
        NewTask { id: RandomIds.task_id(new.created_at, partition), ..new }
    }

    pub async fn create(&self, new: NewTask) -> Result<Created, CreateRefused> {
        self.store.create(vec![new]).await.unwrap().remove(0)
    }

    pub async fn fill(&self, partitions: u16, each: usize) -> Vec<TaskId> {
        let mut ids = Vec::new();
        for _ in 0..each {
            for partition in 0..partitions {
                ids.push(self.create(self.new_task(partition)).await.unwrap().id);
            }
        }
        ids
    }

    pub fn request(&self, most: usize) -> ClaimRequest {
        ClaimRequest { most, ..self.scene.trial.request() }
    }
}
