//! Training as a whole, in every architecture, objective and mode.

use std::ops::ControlFlow;

use super::*;
use crate::corpus::{Block, Corpus, Source, Text};
use crate::random::Random;
use crate::vocab::{Vocab, VocabSettings};
use crate::{Error, Vectors};

/// Sentences of words of one of three topics, `t0w0` to `t2w9`.
fn topics(sentences: usize) -> String {
    let mut random = Random::new(3);
    let mut text = String::new();
    for _ in 0..sentences {
        let topic = random.below(3);
        for _ in 0..8 {
            text += &format!("t{topic}w{} ", random.below(10));
        }
        text.push('\n');
    }
    text
}

fn all_settings() -> Vec<Word2Vec> {
    let base = Word2Vec::cbow().dim(20).sample(0.0).epochs(3).rate(0.1).window(4);
    let mut list = Vec::new();
    for architecture in
        [Architecture::SkipGram, Architecture::Cbow { mean: true }, Architecture::Cbow { mean: false }]
    {
        let rate = if architecture == (Architecture::Cbow { mean: false }) { 0.03 } else { 0.1 };
        let base = base.clone().architecture(architecture).rate(rate);
        for objective in [
            Objective::NegativeSampling { negatives: 5, exponent: 0.75 },
            Objective::HierarchicalSoftmax,
            Objective::FullSoftmax,
        ] {
            list.push(base.clone().objective(objective));
        }
    }
    list
}

/// Loss of a prediction that knows nothing.
fn chance(settings: &Word2Vec) -> f64 {
    match settings.objective {
        Objective::NegativeSampling { .. } => 6.0 * std::f64::consts::LN_2,
        _ => 30f64.ln(),
    }
}

fn cosine(vectors: &Vectors, a: &str, b: &str) -> f32 {
    let (a, b) = (vectors.get(a).unwrap(), vectors.get(b).unwrap());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Asserts that words are nearer to all of their own topic than to any of another.
fn assert_topics(vectors: &Vectors, what: &str) {
    for i in 1..10 {
        let inside = cosine(vectors, "t0w0", &format!("t0w{i}"));
        let outside = cosine(vectors, "t0w0", &format!("t1w{i}"));
        assert!(inside > outside + 0.3, "{what}: {inside} inside, {outside} outside");
    }
}

fn train(trainer: &mut Trainer, text: &str) -> Vec<Report> {
    let mut reports = Vec::new();
    let settings = trainer.settings().clone();
    let mut next = || trainer.epoch(&Text(text), &mut |_| ControlFlow::Continue(()));
    while let Some(report) = next().unwrap_or_else(|error| panic!("{error}: {settings:?}")) {
        reports.push(report);
    }
    reports
}

fn trainer(settings: &Word2Vec, text: &str) -> Trainer {
    Trainer::new(settings.clone(), Vocab::count(&Text(text), &settings.vocab).unwrap()).unwrap()
}

#[test]
fn topics_are_learned_in_every_way() {
    let text = topics(2000);
    for settings in all_settings() {
        for mode in [Mode::Fast, Mode::Reproducible] {
            let settings = settings.clone().mode(mode).threads(2);
            let mut trainer = trainer(&settings, &text);
            let reports = train(&mut trainer, &text);
            let what = format!("{settings:?}");
            assert!(reports.iter().all(|report| report.is_complete && report.words == 16_000));
            assert!(reports[2].loss < 0.9 * chance(&settings), "{what}: {reports:?}");
            assert_topics(&trainer.into_model().into_vectors(), &what);
        }
    }
}

#[test]
fn losses_are_those_of_the_predictions() {
    let text = topics(2000);
    // With hardly any learning: chance. The words are equally frequent, so a path has about log₂ 30 turns.
    for settings in all_settings() {
        let settings = settings.rate(1e-6).min_rate(0.0).epochs(1);
        let chance = chance(&settings);
        let loss = train(&mut trainer(&settings, &text), &text)[0].loss;
        assert!((loss - chance).abs() < 0.05 * chance, "{settings:?}: {loss}, chance is {chance}");
    }
}

#[test]
fn softmax_learns_the_probability_of_a_topic() {
    let text = topics(2000);
    let settings = Word2Vec::skip_gram().objective(Objective::FullSoftmax).dim(20).sample(0.0).rate(0.1);
    let reports = train(&mut trainer(&settings.held_out(0.1), &text), &text);
    // A word says which ten of thirty words its neighbours are.
    assert!((reports[4].loss - 10f64.ln()).abs() < 0.02, "{}", reports[4]);
    assert!((reports[4].held_out.unwrap() - 10f64.ln()).abs() < 0.05, "{}", reports[4]);
}

#[test]
fn reproducible_training_gives_the_same_bits_on_any_number_of_threads() {
    let text = topics(4000);
    for settings in all_settings() {
        if settings.objective == Objective::FullSoftmax {
            continue;
        }
        let on = |threads| {
            let settings =
                settings.clone().mode(Mode::Reproducible).threads(threads).held_out(0.02).epochs(2).dim(70);
            let mut trainer = trainer(&settings, &text);
            let losses: Vec<_> = train(&mut trainer, &text).iter().map(|r| (r.loss, r.held_out)).collect();
            let Model { input, output, .. } = trainer.into_model();
            (losses, input, output)
        };
        let one = on(1);
        for threads in [1, 2, 4] {
            assert!(on(threads) == one, "{threads} threads: {settings:?}");
        }
    }
}

#[test]
fn a_run_broken_off_goes_on_as_if_it_had_not_been() {
    let text = topics(16_000);
    for mode in [Mode::Reproducible, Mode::Fast] {
        let settings = Word2Vec::skip_gram().dim(5).epochs(2).mode(mode).threads(1).held_out(0.01);
        // A slow source: progress is asked about many times in an epoch.
        let slow = Slow(Text(&text));
        let run = |progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>| {
            let mut trainer = trainer(&settings, &text);
            let mut broken_off = 0;
            while let Some(report) = trainer.epoch(&slow, progress).unwrap() {
                broken_off += usize::from(!report.is_complete);
                // As if it had been stored in between.
                trainer = Trainer::resume(trainer.into_model()).unwrap();
            }
            (trainer.into_model(), broken_off)
        };
        let (whole, _) = run(&mut |_| ControlFlow::Continue(()));
        let (parts, broken_off) = run(&mut |_| ControlFlow::Break(()));
        assert!(parts == whole, "{mode:?}");
        assert!(broken_off > 0 && !parts.is_unfinished(), "{mode:?}: broken off {broken_off} times");
    }
}

/// Text of which each block takes its time to come.
struct Slow<'a>(Text<'a>);

struct Delayed<'a>(Box<dyn Source + 'a>);

impl Corpus for Slow<'_> {
    fn open(&self) -> crate::Result<Box<dyn Source + '_>> {
        Ok(Box::new(Delayed(self.0.open()?)))
    }
}

impl Source for Delayed<'_> {
    fn read(&mut self, block: &mut Block) -> crate::Result<bool> {
        std::thread::sleep(std::time::Duration::from_millis(25));
        self.0.read(block)
    }
}

#[test]
fn new_words_are_learned_and_old_ones_kept() {
    let settings = Word2Vec::skip_gram().dim(20).sample(0.0).epochs(3).rate(0.1).min_count(1);
    let (old, new) = (topics(1000), topics(2000).replace("t2", "new"));
    for objective in [settings.objective, Objective::HierarchicalSoftmax] {
        let settings = settings.clone().objective(objective);
        let mut model = settings.train(&Text(&old)).unwrap();
        let before = model.vectors();
        model.learn_words(&Vocab::count(&Text(&new), &VocabSettings::min_count(1)).unwrap()).unwrap();
        assert_eq!((model.vocab().len(), model.vectors().word(5)), (40, before.word(5)));
        assert_eq!(model.vectors().row(7), before.row(7));
        let mut trainer = Trainer::further(model, settings).unwrap();
        train(&mut trainer, &new);
        let after = trainer.into_model().into_vectors();
        assert!(cosine(&after, "neww0", "neww5") > cosine(&after, "neww0", "t0w5") + 0.3);
        // Words that the new corpus lacks stay near each other.
        assert!(cosine(&after, "t2w0", "t2w5") > cosine(&after, "t2w0", "t0w5") + 0.3);
    }
    let model = settings.train(&Text(&old)).unwrap();
    let error = Trainer::further(model, settings.dim(21)).err().unwrap();
    assert_eq!(error.to_string(), "dim is 21: expected that of the model");
}

#[test]
fn faults_are_errors() {
    let error = |text: &str| Word2Vec::cbow().train(&Text(text)).unwrap_err();
    assert!(matches!(error(""), Error::EmptyCorpus));
    assert!(matches!(error("a b c"), Error::EmptyVocabulary { min_count: 5, .. }));
    let text = topics(500);
    let diverging = Word2Vec::skip_gram().rate(1e30).min_rate(1e30).sample(0.0);
    assert!(matches!(diverging.train(&Text(&text)).unwrap_err(), Error::NotFinite { .. }));
    let missing = Word2Vec::cbow().train(&crate::TextFiles::one("no/such/file")).unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file: "));
    // A single word predicts nothing; it is no fault.
    let model =
        Word2Vec::cbow().objective(Objective::HierarchicalSoftmax).train(&Text("a a a a a a")).unwrap();
    assert_eq!(model.vocab().len(), 1);
}
