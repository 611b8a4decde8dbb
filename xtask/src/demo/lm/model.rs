//! The models, each with what it remembers of the text before.

use autograd::Var;
use decode::{Sampler, Sampling, Scorer, Stop};
use nn::{Mode, Module, Path, SampledSoftmax, Visitor, VisitorMut};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use recurrent::{
    Cell, GruCell, LanguageModel, LanguageModelConfig, LanguageModelScorer, LstmCell, NewCell, RnnCell,
};
use transformer::{Gpt, GptConfig, GptScorer};

use super::corpus::Window;
use crate::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rnn,
    Gru,
    Lstm,
    Gpt,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Rnn, Self::Gru, Self::Lstm, Self::Gpt];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
            Self::Gpt => "gpt",
        }
    }

    /// The model called so, or all.
    pub(super) fn choose(name: Option<&str>) -> Result<Vec<Self>, Failure> {
        let Some(name) = name else { return Ok(Self::ALL.to_vec()) };
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.map(|kind| vec![kind]).ok_or_else(|| format!("no model `{name}`; there are {names}").into())
    }

    pub(super) fn build(self, sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Box<dyn Language>, Failure> {
        Ok(match self {
            Self::Rnn => Box::new(Recurrent::<RnnCell>::new(sizes, rng)?),
            Self::Gru => Box::new(Recurrent::<GruCell>::new(sizes, rng)?),
            Self::Lstm => Box::new(Recurrent::<LstmCell>::new(sizes, rng)?),
            Self::Gpt => Box::new(Attending { model: Gpt::new(sizes.gpt, rng)? }),
        })
    }
}

/// Sizes of the recurrent models, and of the GPT.
pub(super) struct Sizes {
    pub(super) recurrent: LanguageModelConfig,
    /// From what the loss of recurrent models is estimated in training; exact without.
    pub(super) sampled: Option<SampledSoftmax>,
    pub(super) gpt: GptConfig,
}

/// A language model that reads windows of a text one after the other.
pub(super) trait Language: Module {
    /// Mean loss of a window. A recurrent model goes on from where the window before ended, with no gradient across
    /// (truncated backpropagation through time); a GPT sees the window alone.
    fn loss(&mut self, window: &Window, mode: &mut Mode<'_>) -> Result<Var, Failure>;

    /// The next window begins a text.
    fn forget(&mut self);

    /// What the model writes after `prompt`.
    fn write(&self, prompt: Vec<u32>, tokens: usize, seed: u64) -> Result<Vec<u32>, Failure>;
}

fn sample<S: Scorer>(mut scorer: S, prompt: Vec<u32>, tokens: usize, seed: u64) -> Result<Vec<u32>, Failure>
where
    S::Error: Send + Sync,
{
    let sampling = Sampling { temperature: 0.8, ..Sampling::default() };
    let sampler = Sampler::new(&sampling, scorer.vocab())?;
    let mut rngs = [ChaCha8Rng::seed_from_u64(seed)];
    let out = decode::generate(&mut scorer, &[prompt], &sampler, &Stop::after(tokens), &mut rngs)?;
    Ok(out.into_iter().next().map(|out| out.tokens).unwrap_or_default())
}

struct Recurrent<C: Cell<f32>> {
    model: LanguageModel<f32, C>,
    sampled: Option<SampledSoftmax>,
    state: Option<Vec<C::State>>,
}

impl<C: Cell<f32> + NewCell<f32>> Recurrent<C> {
    fn new(sizes: &Sizes, rng: &mut ChaCha8Rng) -> Result<Self, Failure> {
        let model = LanguageModel::new(sizes.recurrent, rng)?;
        Ok(Self { model, sampled: sizes.sampled.clone(), state: None })
    }
}

impl<C: Cell<f32> + Module> Module for Recurrent<C> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, f32>) {
        self.model.visit(path, visitor);
    }

    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, f32>) {
        self.model.visit_mut(path, visitor);
    }
}

impl<C: Cell<f32> + Module> Language for Recurrent<C> {
    fn loss(&mut self, window: &Window, mode: &mut Mode<'_>) -> Result<Var, Failure> {
        let Window { input, target } = window;
        let before = self.state.as_deref();
        let (loss, state) = match &self.sampled {
            Some(softmax) => self.model.sampled_loss(input, target, before, softmax, mode)?,
            None => self.model.loss(input, target, before, mode)?,
        };
        self.state = Some(state);
        Ok(loss)
    }

    fn forget(&mut self) {
        self.state = None;
    }

    fn write(&self, prompt: Vec<u32>, tokens: usize, seed: u64) -> Result<Vec<u32>, Failure> {
        sample(LanguageModelScorer::new(&self.model), prompt, tokens, seed)
    }
}

struct Attending {
    model: Gpt,
}

impl Module for Attending {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut Visitor<'_, 'a, f32>) {
        self.model.visit(path, visitor);
    }

    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut VisitorMut<'_, 'a, f32>) {
        self.model.visit_mut(path, visitor);
    }
}

impl Language for Attending {
    fn loss(&mut self, window: &Window, mode: &mut Mode<'_>) -> Result<Var, Failure> {
        Ok(self.model.loss(&window.input, &window.target, mode)?)
    }

    fn forget(&mut self) {}

    fn write(&self, prompt: Vec<u32>, tokens: usize, seed: u64) -> Result<Vec<u32>, Failure> {
        sample(GptScorer::new(&self.model), prompt, tokens, seed)
    }
}
