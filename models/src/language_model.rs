//! `LanguageModel`: the resource that flows ask for.
//!
//! A call belongs to a step: the step's watchers see the words, its outcome is kept, its retries are the only ones. Before
//! each call the task's budget is checked; after it, finished or not, what it took is recorded.

use std::sync::Arc;
use std::time::Instant;

use caudal_engine::flow::{FlowContext, Missing, ModelUsage, Needed, Resources};
use caudal_engine::prelude::{FlowError, FlowResult, StepContext};

use crate::chat::{Answer, Chat};
use crate::error::{ModelError, in_a_flows_words};
use crate::price::Price;
use crate::provider::REHEARSAL;
use crate::rehearsal::{Rehearsal, RehearsedAnswer};
use crate::room;
use crate::settings::{Chosen, ModelSettings, ModelSettingsError};
use crate::wire::Piece;
use crate::wire::hearing::Hearing;
use crate::wire::http::{self, Line, Speaking};
use crate::wire::refusal::Who;
use crate::wire::request::chat_request;
use crate::wire::wishes::RefusedWishes;

/// A model, ready to be asked. Cloning it costs nothing.
#[derive(Clone)]
pub struct LanguageModel {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chosen: Arc<Chosen>,
    name: Arc<str>,
}

pub(crate) struct Shared {
    pub(crate) settings: ModelSettings,
    client: reqwest::Client,
    rehearsal: Rehearsal,
    refused_wishes: RefusedWishes,
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
        let shared = Arc::new(Shared {
            settings,
            client,
            rehearsal: Rehearsal::default(),
            refused_wishes: RefusedWishes::default(),
        });
        Ok(Some(Self::with(shared, chosen)))
    }

    /// The pretend model, for tests: improvising, or by a script.
    pub fn rehearsal(rehearsal: Rehearsal) -> Self {
        let settings = ModelSettings { model: Some(REHEARSAL.to_owned()), ..ModelSettings::default() };
        let (client, refused_wishes) = (reqwest::Client::default(), RefusedWishes::default());
        let shared = Arc::new(Shared { settings, client, rehearsal, refused_wishes });
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

    /// Characters of a conversation with tools, at most; an agent may say otherwise.
    pub(crate) fn most_characters(&self) -> usize {
        self.shared.settings.most_characters
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
        self.count_what_was_lost(step, chat);
        self.may_spend(step, &self.chosen, &self.name)?;
        let mut heard = self.hear(step, chat, aloud).await;
        if let Err(Unheard::Model(ModelError::TooLong { .. })) = &heard
            && let Some((most, shorter)) = half_of(chat)
        {
            step.warn(format!(
                "This is too long for {}; asked with {most} characters, without what tools brought first",
                self.name
            ));
            heard = self.hear(step, &shorter, aloud).await;
            heard = heard.map(|answer| Answer { shortened_to: Some(most), ..answer });
        }
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
        let mut bill = Bill { model: self, step, chat, hearing: Hearing::default(), open: true };
        let mut voice = match self.begin(step, chat, aloud).await {
            Ok(voice) => voice,
            Err(error) => {
                // Whoever is asked and says nothing may have worked all the same.
                bill.open = matches!(error, ModelError::Silent { .. });
                return Err(error.into());
            }
        };
        let mut silent = true;
        loop {
            let piece = match voice.next().await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                // All was said; only the goodbye is missing.
                Err(ModelError::CutOff(_) | ModelError::Silent { .. }) if bill.hearing.has_ended() => break,
                Err(error) => return Err(error.into()),
            };
            if std::mem::take(&mut silent) {
                metrics::histogram!("caudal_model_first_word_seconds", "model" => self.name.to_string())
                    .record(began.elapsed());
            }
            let said = bill.hearing.add(piece)?;
            say(step, aloud, &said).await?;
        }
        let said = bill.hearing.last_words();
        say(step, aloud, &said).await?;
        let mut answer = bill.settle().finish(voice.has_ended())?;
        answer.rehearsal = self.is_rehearsal();
        Ok(answer)
    }

    async fn begin(&self, step: &StepContext, chat: &Chat, streamed: bool) -> Result<Voice, ModelError> {
        match &*self.chosen {
            Chosen::Rehearsal => self.shared.rehearsal.begin(step, chat).map(Voice::Rehearsed),
            Chosen::Served { provider, model, .. } => {
                let mut request = chat_request(provider, model, chat, streamed);
                self.shared.refused_wishes.take_out(&self.name, &mut request);
                let line = self.line(&self.chosen)?;
                loop {
                    let error = match line.begin(&request).await {
                        Ok(speaking) => return Ok(Voice::Served(Box::new(speaking))),
                        Err(error) => error,
                    };
                    match self.shared.refused_wishes.heed(&self.name, &mut request, &error) {
                        Some(wish) => step.warn(format!("{} does not take '{wish}'; asked without it", self.name)),
                        None => return Err(error),
                    }
                }
            }
        }
    }

    pub(crate) fn line<'a>(&'a self, chosen: &'a Chosen) -> Result<Line<'a>, ModelError> {
        let Chosen::Served { provider, url, key, .. } = chosen else {
            return Err(ModelError::NotConfigured("the pretend model is nowhere".to_owned()));
        };
        let Shared { settings, client, .. } = &*self.shared;
        let who = Who { provider, key: key.clone() };
        Ok(Line { client, who, url, silence: settings.silence, timeout: settings.timeout })
    }

    // ---- spending

    fn count(&self, step: &StepContext, prompt_tokens: u64, completion_tokens: u64, estimated: bool) {
        step.usage(&ModelUsage {
            model: self.name.clone(),
            prompt_tokens,
            completion_tokens,
            cost: self.price(&self.chosen, &self.name).map(|price| price.of(prompt_tokens, completion_tokens)),
            estimated,
            rehearsal: self.is_rehearsal(),
        });
    }

    /// A call that a crash cut off is paid for all the same, and nobody was left to say so.
    fn count_what_was_lost(&self, step: &StepContext, chat: &Chat) {
        if let Some(bytes) = step.take_lost_text() {
            self.count(step, estimate(chat.measure(quarters)), estimate(bytes), true);
        }
    }

    pub(crate) fn may_spend(&self, step: &StepContext, chosen: &Chosen, name: &str) -> FlowResult<()> {
        step.check_budget()?;
        // A limit that cannot be held is worse than none: somebody relies on it.
        if step.budget().max_cost.is_some() && self.price(chosen, name).is_none() {
            return Err(FlowError::give_up(format!(
                "max_cost is set, but no price is known for {name}; add it to CAUDAL_MODEL_PRICES \
                 ({name}=<a million tokens read>/<written>), or limit max_tokens"
            )));
        }
        Ok(())
    }

    pub(crate) fn price(&self, chosen: &Chosen, name: &str) -> Option<Price> {
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
    /// The provider was asked, so it counts.
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
        let (prompt_tokens, completion_tokens) = counted
            .unwrap_or_else(|| (estimate(self.chat.measure(quarters)), estimate(self.hearing.measure(quarters))));
        model.count(self.step, prompt_tokens, completion_tokens, counted.is_none());
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

async fn say(step: &StepContext, aloud: bool, said: &str) -> Result<(), Unheard> {
    if aloud && !said.is_empty() {
        step.text(said).await.map_err(Unheard::Step)?;
    }
    Ok(())
}

/// Half of a conversation, if there are results of tools in it that can make room.
fn half_of(chat: &Chat) -> Option<(usize, Chat)> {
    let most = chat.length() / 2;
    let shorter = room::within(chat, most);
    (shorter.length() < chat.length()).then_some((most, shorter))
}

/// Tokens of a text of so many quarters.
pub(crate) fn estimate(quarters: usize) -> u64 {
    u64::try_from(quarters.div_ceil(4)).unwrap_or(u64::MAX)
}

/// A text in quarters of tokens: four letters of English are a token, two of Greek, Cyrillic or Arabic, and each sign of
/// Chinese, Japanese or Korean is one. A little much, and too little for nobody's purse.
pub(crate) fn quarters(text: &str) -> usize {
    text.chars()
        .map(|letter| match u32::from(letter) {
            0..0x370 => 1,
            0x370..0x1100 => 2,
            _ => 4,
        })
        .sum()
}
