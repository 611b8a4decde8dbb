//! A GPT as a model that decoders can drive.

use decode::Scorer;
use tensor::{Element, Ids};

use crate::gpt::model::{Gpt, GptCache};
use crate::input::{InputError, append};

/// Drives a [`Gpt`] for the decoders of `decode`: greedy, sampling, beam.
///
/// Keys and values of the past are cached, so a step costs one token per row. A sequence that outgrows the
/// model's positions goes on from its later half: the window moves, and is computed anew once per half.
///
/// ```
/// use decode::Stop;
/// use rand::SeedableRng;
/// use transformer::{Gpt, GptConfig, GptScorer};
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
/// let gpt = Gpt::<f32>::new(GptConfig { time: 8, d_model: 16, ..GptConfig::new(11) }, &mut rng)?;
/// let out = decode::greedy(&mut GptScorer::new(&gpt), &[vec![1, 2]], &Stop::after(20))?;
/// assert_eq!(out[0].tokens.len(), 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct GptScorer<'m, E: Element = f32> {
    model: &'m Gpt<E>,
    rows: Vec<Row<E>>,
    /// The cache of all rows together, where they are equally long.
    shared: Option<GptCache<E>>,
}

/// One sequence.
#[derive(Clone)]
struct Row<E: Element> {
    tokens: Vec<u32>,
    /// Its cache, where rows differ in length and are computed one by one.
    cache: GptCache<E>,
}

impl<'m, E: Element> GptScorer<'m, E> {
    /// A scorer with no sequences yet.
    pub fn new(model: &'m Gpt<E>) -> Self {
        Self { model, rows: Vec::new(), shared: None }
    }

    /// The part of a sequence the model can still extend.
    fn window<'t>(&self, tokens: &'t [u32]) -> &'t [u32] {
        let time = self.model.config().time;
        let half = (time / 2).max(1);
        let mut start = 0;
        while tokens.len() - start > time {
            start += half;
        }
        &tokens[start..]
    }

    /// Computes the windows of all rows from the beginning.
    fn compute_all(&mut self, scores: &mut Vec<f32>) -> Result<(), InputError> {
        let windows: Vec<Vec<u32>> = self.rows.iter().map(|row| self.window(&row.tokens).to_vec()).collect();
        let equal = windows.windows(2).all(|pair| pair[0].len() == pair[1].len());
        if equal {
            let mut cache = GptCache::default();
            let ids = Ids::new(windows.concat(), &[windows.len(), windows[0].len()]); // (rows, time)
            append(scores, &self.model.next_logits(&ids, &mut cache)?);
            self.shared = Some(cache);
            return Ok(());
        }
        self.shared = None;
        for (row, window) in self.rows.iter_mut().zip(windows) {
            row.cache = GptCache::default();
            let ids = Ids::new(window.clone(), &[1, window.len()]);
            append(scores, &self.model.next_logits(&ids, &mut row.cache)?);
        }
        Ok(())
    }
}

impl<E: Element> Scorer for GptScorer<'_, E> {
    type Error = InputError;

    fn vocab(&self) -> usize {
        self.model.config().vocab
    }

    fn start(&mut self, prompts: &[Vec<u32>], scores: &mut Vec<f32>) -> Result<(), InputError> {
        let row = |prompt: &Vec<u32>| Row { tokens: prompt.clone(), cache: GptCache::default() };
        self.rows = prompts.iter().map(row).collect();
        self.compute_all(scores)
    }

    fn extend(&mut self, parents: &[usize], tokens: &[u32], scores: &mut Vec<f32>) -> Result<(), InputError> {
        let mut moved = false;
        let grow = |(parent, token): (&usize, &u32)| {
            let mut row = self.rows[*parent].clone();
            let before = row.tokens.len() - self.window(&row.tokens).len();
            row.tokens.push(*token);
            moved |= row.tokens.len() - self.window(&row.tokens).len() != before;
            row
        };
        self.rows = parents.iter().zip(tokens).map(grow).collect();
        if moved {
            return self.compute_all(scores);
        }
        if let Some(cache) = &mut self.shared {
            if !(parents.len() == cache.batch()
                && parents.iter().enumerate().all(|(row, parent)| row == *parent))
            {
                cache.reorder(parents);
            }
            let ids = Ids::new(tokens.to_vec(), &[tokens.len(), 1]); // (rows, 1)
            append(scores, &self.model.next_logits(&ids, cache)?);
            return Ok(());
        }
        for (row, token) in self.rows.iter_mut().zip(tokens) {
            append(scores, &self.model.next_logits(&Ids::new(vec![*token], &[1, 1]), &mut row.cache)?);
        }
        Ok(())
    }
}
