//! Embeddings: texts as vectors, so that near meanings are near numbers.

use caudal_engine::flow::ModelUsage;
use caudal_engine::prelude::{FlowError, FlowResult, StepContext};
use serde_json::{Value, json};

use crate::error::{ModelError, in_a_flows_words};
use crate::language_model::{LanguageModel, estimate, quarters};
use crate::settings::Chosen;

impl LanguageModel {
    /// Each text as a vector.
    pub async fn embed(&self, step: &StepContext, texts: &[String]) -> FlowResult<Vec<Vec<f32>>> {
        let chosen = self.shared.settings.choose_embedding(&self.chosen);
        let chosen = chosen.map_err(|error| FlowError::give_up(error.to_string()))?;
        self.may_spend(step, &chosen, &chosen.name())?;
        let mut bill = EmbeddingBill { model: self, step, chosen: &chosen, texts, tokens: None, open: true };
        match self.embed_with(&chosen, texts).await {
            Ok(embedded) => {
                bill.tokens = embedded.tokens;
                Ok(embedded.vectors)
            }
            Err(error) => {
                // Whoever refuses, or is not there, has not worked.
                bill.open =
                    matches!(error, ModelError::Silent { .. } | ModelError::CutOff(_) | ModelError::Malformed(_));
                Err(in_a_flows_words(&error))
            }
        }
    }

    async fn embed_with(&self, chosen: &Chosen, texts: &[String]) -> Result<Embedded, ModelError> {
        let Chosen::Served { model, .. } = chosen else { return Ok(Embedded::pretended(texts)) };
        let answer = self.line(chosen)?.ask("embeddings", &json!({ "model": model, "input": texts })).await?;
        Embedded::read(&answer, texts.len())
    }
}

/// Records what was embedded when it is over, in whichever way: also when it failed on the way, or was dropped by a cancel.
struct EmbeddingBill<'a> {
    model: &'a LanguageModel,
    step: &'a StepContext,
    chosen: &'a Chosen,
    texts: &'a [String],
    /// As the provider counts them.
    tokens: Option<u64>,
    open: bool,
}

impl Drop for EmbeddingBill<'_> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let estimated = self.tokens.is_none();
        let prompt_tokens = self.tokens.unwrap_or_else(|| estimate(self.texts.iter().map(|text| quarters(text)).sum()));
        let name = self.chosen.name();
        let cost = self.model.price(self.chosen, &name).map(|price| price.of(prompt_tokens, 0));
        let rehearsal = *self.chosen == Chosen::Rehearsal;
        let (model, completion_tokens) = (name.into(), 0);
        self.step.usage(&ModelUsage { model, prompt_tokens, completion_tokens, cost, estimated, rehearsal });
    }
}

struct Embedded {
    vectors: Vec<Vec<f32>>,
    tokens: Option<u64>,
}

impl Embedded {
    fn read(answer: &str, wanted: usize) -> Result<Self, ModelError> {
        let malformed = |why: &str| ModelError::Malformed(format!("embeddings: {why}"));
        let answer: Value = serde_json::from_str(answer).map_err(|error| malformed(&error.to_string()))?;
        let items = answer["data"].as_array().ok_or_else(|| malformed("there is no list"))?;
        let mut vectors = vec![Vec::new(); wanted];
        for (place, item) in items.iter().enumerate() {
            // By their own numbers: nothing says that they come in order.
            let place = item["index"].as_u64().and_then(|index| usize::try_from(index).ok()).unwrap_or(place);
            let numbers = item["embedding"].as_array().into_iter().flatten();
            #[expect(clippy::cast_possible_truncation, reason = "vectors are compared, not calculated with")]
            let vector = numbers.filter_map(|number| number.as_f64().map(|number| number as f32)).collect();
            if let Some(slot) = vectors.get_mut(place) {
                *slot = vector;
            }
        }
        match vectors.iter().any(Vec::is_empty) {
            true => Err(malformed("some are missing")),
            false => Ok(Self { vectors, tokens: answer["usage"]["prompt_tokens"].as_u64() }),
        }
    }

    /// Texts with the same words are near each other, as far as a pretence goes.
    fn pretended(texts: &[String]) -> Self {
        const DIMENSIONS: usize = 32;
        let vector = |text: &String| {
            let mut vector = vec![0.0; DIMENSIONS];
            for word in text.split_whitespace() {
                let sum = word.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
                vector[sum % DIMENSIONS] += 1.0;
            }
            vector
        };
        Self { vectors: texts.iter().map(vector).collect(), tokens: None }
    }
}
