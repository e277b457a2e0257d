//! `LanguageModel`: the resource that flows ask for.
//!
//! A call belongs to a step: the step's watchers see the words, its outcome is kept, its retries are the only ones. Before
//! each call the task's budget is checked; after it, finished or not, what it took is recorded.

use std::sync::Arc;
use std::time::Instant;

use caudal_engine::flow::{FlowContext, Missing, ModelUsage, Needed, Resources};
use caudal_engine::prelude::{FlowError, FlowResult, StepContext};
use serde_json::{Value, json};

use crate::chat::{Answer, Chat};
use crate::error::{ModelError, in_a_flows_words};
use crate::price::Price;
use crate::provider::REHEARSAL;
use crate::rehearsal::{Rehearsal, RehearsedAnswer};
use crate::settings::{Chosen, ModelSettings, ModelSettingsError};
use crate::wire::Piece;
use crate::wire::hearing::Hearing;
use crate::wire::http::{self, Line, Speaking};
use crate::wire::request::chat_request;

/// A model, ready to be asked. Cloning it costs nothing.
#[derive(Clone)]
pub struct LanguageModel {
    shared: Arc<Shared>,
    chosen: Arc<Chosen>,
    name: Arc<str>,
}

struct Shared {
    settings: ModelSettings,
    client: reqwest::Client,
    rehearsal: Rehearsal,
}

impl Needed for LanguageModel {
    const MISSING: Missing = Missing {
        what: "a language model",
        hint: "Set CAUDAL_MODEL to provider:model (openai, gemini, openrouter, ollama, lmstudio, vllm, compatible) and the \
               provider's key (OPENAI_API_KEY, GEMINI_API_KEY, OPENROUTER_API_KEY), or CAUDAL_MODEL=rehearsal to try \
               without a model.",
    };
}

/// `ctx.model()`: the model that this flow is to use.
pub trait ModelOfFlow {
    fn model(&self) -> FlowResult<LanguageModel>;
}

impl ModelOfFlow for FlowContext {
    fn model(&self) -> FlowResult<LanguageModel> {
        let model = self.resource::<LanguageModel>()?;
        match model.shared.settings.by_flow.get(self.flow_name()) {
            Some(name) => model.using(name),
            None => Ok((*model).clone()),
        }
    }
}

impl LanguageModel {
    /// The model that the settings choose; none when they choose none.
    pub fn of(settings: ModelSettings) -> Result<Option<Self>, ModelSettingsError> {
        let Some(chosen) = settings.chosen()? else { return Ok(None) };
        for name in settings.by_flow.values().chain(&settings.embedding_model) {
            settings.choose(name)?;
        }
        let client = http::client().map_err(|error| ModelSettingsError::NoClient(error.to_string()))?;
        let shared = Arc::new(Shared { settings, client, rehearsal: Rehearsal::default() });
        Ok(Some(Self::with(shared, chosen)))
    }

    /// The pretend model, for tests: improvising, or by a script.
    pub fn rehearsal(rehearsal: Rehearsal) -> Self {
        let settings = ModelSettings { model: Some(REHEARSAL.to_owned()), ..ModelSettings::default() };
        let shared = Arc::new(Shared { settings, client: reqwest::Client::default(), rehearsal });
        Self::with(shared, Chosen::Rehearsal)
    }

    fn with(shared: Arc<Shared>, chosen: Chosen) -> Self {
        let name = chosen.name().into();
        Self { shared, chosen: Arc::new(chosen), name }
    }

    /// Another model for the calls that are made on what this returns: `provider:model`.
    pub fn using(&self, name: &str) -> FlowResult<Self> {
        match self.shared.settings.choose(name) {
            Ok(chosen) => Ok(Self::with(self.shared.clone(), chosen)),
            Err(error) => Err(FlowError::give_up(error.to_string())),
        }
    }

    /// `provider:model`, or `rehearsal`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Nothing that it says is meant.
    pub fn is_rehearsal(&self) -> bool {
        matches!(*self.chosen, Chosen::Rehearsal)
    }

    // ---- asking

    /// The answer as a text.
    pub async fn ask(&self, step: &StepContext, chat: impl Into<Chat>) -> FlowResult<String> {
        text_of(self.answer(step, &chat.into(), false).await?)
    }

    /// The answer as a text, and every watcher of the step sees it being written.
    pub async fn write(&self, step: &StepContext, chat: impl Into<Chat>) -> FlowResult<String> {
        text_of(self.answer(step, &chat.into(), true).await?)
    }

    /// The whole answer, calls of tools included.
    pub async fn chat(&self, step: &StepContext, chat: impl Into<Chat>) -> FlowResult<Answer> {
        self.answer(step, &chat.into(), false).await
    }

    /// The same, and every watcher of the step sees the words as they come.
    pub async fn stream(&self, step: &StepContext, chat: impl Into<Chat>) -> FlowResult<Answer> {
        self.answer(step, &chat.into(), true).await
    }

    async fn answer(&self, step: &StepContext, chat: &Chat, aloud: bool) -> FlowResult<Answer> {
        self.may_spend(step)?;
        let heard = self.hear(step, chat, aloud).await;
        let outcome = match &heard {
            Ok(_) => "success",
            Err(Unheard::Model(error)) => error.word(),
            Err(Unheard::Step(_)) => "stopped",
        };
        metrics::counter!("caudal_model_calls_total", "model" => self.name.to_string(), "outcome" => outcome)
            .increment(1);
        let answer = heard.map_err(|unheard| match unheard {
            Unheard::Model(error) => in_a_flows_words(&error),
            Unheard::Step(error) => error,
        })?;
        if answer.cut {
            step.warn("The answer was cut: it is the longest that the model gives");
        }
        Ok(answer)
    }

    async fn hear(&self, step: &StepContext, chat: &Chat, aloud: bool) -> Result<Answer, Unheard> {
        let began = Instant::now();
        let mut bill = Bill { model: self, step, chat, hearing: Hearing::default(), open: false };
        let mut voice = self.begin(step, chat, aloud).await?;
        bill.open = true;
        let mut silent = true;
        while let Some(piece) = voice.next().await? {
            if std::mem::take(&mut silent) {
                metrics::histogram!("caudal_model_first_word_seconds", "model" => self.name.to_string())
                    .record(began.elapsed());
            }
            if let (true, Piece::Text(text)) = (aloud, &piece) {
                step.text(text).await.map_err(Unheard::Step)?;
            }
            bill.hearing.add(piece)?;
        }
        let mut answer = bill.settle().finish(voice.has_ended())?;
        answer.rehearsal = self.is_rehearsal();
        Ok(answer)
    }

    async fn begin(&self, step: &StepContext, chat: &Chat, streamed: bool) -> Result<Voice, ModelError> {
        match &*self.chosen {
            Chosen::Rehearsal => self.shared.rehearsal.begin(step, chat).map(Voice::Rehearsed),
            Chosen::Served { provider, model, .. } => {
                let request = chat_request(provider, model, chat, streamed);
                let line = self.line(&self.chosen)?;
                line.begin(&request).await.map(|speaking| Voice::Served(Box::new(speaking)))
            }
        }
    }

    fn line<'a>(&'a self, chosen: &'a Chosen) -> Result<Line<'a>, ModelError> {
        let Chosen::Served { provider, url, key, .. } = chosen else {
            return Err(ModelError::NotConfigured("the pretend model is nowhere".to_owned()));
        };
        let Shared { settings, client, .. } = &*self.shared;
        Ok(Line { client, provider, url, key: key.as_ref(), silence: settings.silence, timeout: settings.timeout })
    }

    // ---- embeddings

    /// Each text as a vector.
    pub async fn embed(&self, step: &StepContext, texts: &[String]) -> FlowResult<Vec<Vec<f32>>> {
        self.may_spend(step)?;
        let chosen = self.shared.settings.choose_embedding(&self.chosen);
        let chosen = chosen.map_err(|error| FlowError::give_up(error.to_string()))?;
        let embedded = self.embed_with(&chosen, texts).await.map_err(|error| in_a_flows_words(&error))?;
        let characters = texts.iter().map(|text| text.chars().count()).sum();
        let (prompt_tokens, estimated) = match embedded.tokens {
            Some(tokens) => (tokens, false),
            None => (estimate(characters), true),
        };
        let name = chosen.name();
        let cost = self.price(&chosen, &name).map(|price| price.of(prompt_tokens, 0));
        let rehearsal = chosen == Chosen::Rehearsal;
        step.usage(&ModelUsage { model: name.into(), prompt_tokens, completion_tokens: 0, cost, estimated, rehearsal });
        Ok(embedded.vectors)
    }

    async fn embed_with(&self, chosen: &Chosen, texts: &[String]) -> Result<Embedded, ModelError> {
        let Chosen::Served { model, .. } = chosen else { return Ok(Embedded::pretended(texts)) };
        let answer = self.line(chosen)?.ask("embeddings", &json!({ "model": model, "input": texts })).await?;
        Embedded::read(&answer, texts.len())
    }

    // ---- spending

    fn may_spend(&self, step: &StepContext) -> FlowResult<()> {
        step.check_budget()?;
        // A limit that cannot be held is worse than none: somebody relies on it.
        if step.budget().max_cost.is_some() && self.price(&self.chosen, &self.name).is_none() {
            let name = &self.name;
            return Err(FlowError::give_up(format!(
                "max_cost is set, but no price is known for {name}; add it to CAUDAL_MODEL_PRICES \
                 ({name}=<a million tokens read>/<written>), or limit max_tokens"
            )));
        }
        Ok(())
    }

    fn price(&self, chosen: &Chosen, name: &str) -> Option<Price> {
        let is_free = match chosen {
            Chosen::Rehearsal => true,
            Chosen::Served { provider, .. } => provider.is_local,
        };
        self.shared.settings.prices.find(name).or_else(|| is_free.then(Price::default))
    }
}

/// The model among the resources, if one is configured.
pub fn wire_model(
    settings: ModelSettings,
    resources: &mut Resources,
) -> Result<Option<LanguageModel>, ModelSettingsError> {
    let model = LanguageModel::of(settings)?;
    if let Some(model) = &model {
        resources.insert(model.clone());
    }
    Ok(model)
}

fn text_of(answer: Answer) -> FlowResult<String> {
    match answer.text.trim() {
        "" => Err(FlowError::failed("the model wanted tools where it had none")),
        text => Ok(text.to_owned()),
    }
}

/// Who speaks.
enum Voice {
    Served(Box<Speaking>),
    Rehearsed(RehearsedAnswer),
}

impl Voice {
    async fn next(&mut self) -> Result<Option<Piece>, ModelError> {
        match self {
            Self::Served(speaking) => speaking.next().await,
            Self::Rehearsed(answer) => Ok(answer.next().await),
        }
    }

    fn has_ended(&self) -> bool {
        match self {
            Self::Served(speaking) => speaking.ended,
            Self::Rehearsed(_) => true,
        }
    }
}

/// Why there is no answer.
enum Unheard {
    Model(ModelError),
    /// The step itself: its text is too long.
    Step(FlowError),
}

impl From<ModelError> for Unheard {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

/// Records what a call took when it is over, in whichever way: answered, cut off, or dropped by a cancel.
struct Bill<'a> {
    model: &'a LanguageModel,
    step: &'a StepContext,
    chat: &'a Chat,
    hearing: Hearing,
    /// The provider began to answer, so it counts.
    open: bool,
}

impl Bill<'_> {
    fn settle(mut self) -> Hearing {
        self.tell();
        std::mem::take(&mut self.hearing)
    }

    fn tell(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let model = self.model;
        let counted = self.hearing.usage;
        let (prompt_tokens, completion_tokens) =
            counted.unwrap_or_else(|| (estimate(self.chat.characters()), estimate(self.hearing.characters())));
        let price = model.price(&model.chosen, &model.name);
        self.step.usage(&ModelUsage {
            model: model.name.clone(),
            prompt_tokens,
            completion_tokens,
            cost: price.map(|price| price.of(prompt_tokens, completion_tokens)),
            estimated: counted.is_none(),
            rehearsal: model.is_rehearsal(),
        });
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Tokens of a text of so many characters: four to one, a little much for English and too little for nobody's purse.
fn estimate(characters: usize) -> u64 {
    u64::try_from(characters.div_ceil(4)).unwrap_or(u64::MAX)
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
