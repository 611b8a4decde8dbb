//! The limit of memory is kept. One test, so that nothing else in the process takes memory meanwhile.

use tokenize::train::{BpeTrainer, Progress, Trainer, UnigramTrainer, WordPieceTrainer};
use tokenize::{ByteLevelBpeTrainer, Split};

const LIMIT: usize = 12 << 20;

/// The most memory that the process has taken so far, in bytes, where the system tells.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<usize>().ok().map(|kibibytes| kibibytes * 1024)
}

/// A corpus that is made as it is read: a few words often, many seldom.
fn texts(count: u64) -> impl Iterator<Item = String> {
    let mut state = 1_u64;
    (0..count).map(move |_| {
        let mut text = String::new();
        for _ in 0..16 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = state >> 33;
            let rare = random.is_multiple_of(4);
            text += &format!(" w{}", if rare { random / 4 % 800_000 } else { random / 4 % 500 });
        }
        text
    })
}

/// Trains on so many texts, within the limit or without one; gives what is learnt.
type Training = fn(u64, bool, &mut dyn FnMut(Progress<'_>)) -> Vec<String>;

fn byte_level(count: u64, limited: bool, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<String> {
    let mut trainer = ByteLevelBpeTrainer::new(700);
    if limited {
        trainer = trainer.memory_limit(LIMIT);
    }
    let model = trainer.train_with(texts(count), progress).unwrap();
    model.merges().map(|merge| format!("{:?} {:?}", merge.left, merge.right)).collect()
}

fn characters(count: u64, limited: bool, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<String> {
    let mut trainer = BpeTrainer::new(700).end_of_word_suffix("</w>");
    if limited {
        trainer = trainer.memory_limit(LIMIT);
    }
    let model = trainer.train(&Split::Gpt2, texts(count), progress).unwrap();
    model.merges().map(|(left, right)| format!("{left} {right}")).collect()
}

fn word_piece(count: u64, limited: bool, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<String> {
    let mut trainer = WordPieceTrainer::new(700);
    if limited {
        trainer = trainer.memory_limit(LIMIT);
    }
    let model = trainer.train(&Split::Gpt2, texts(count), progress).unwrap();
    model.vocab().map(|(token, _)| token.to_owned()).collect()
}

fn unigram(count: u64, limited: bool, progress: &mut dyn FnMut(Progress<'_>)) -> Vec<String> {
    // No more seeds than fit, so that the limit changes nothing.
    let mut trainer = UnigramTrainer::new(400).unk_token("<unk>").seed_size(12_000);
    if limited {
        trainer = trainer.memory_limit(LIMIT);
    }
    let model = trainer.train(&Split::Gpt2, texts(count), progress).unwrap();
    model.vocab().map(|(token, score)| format!("{token} {score}")).collect()
}

/// What is learnt, and the least count of words that were left out.
fn train(training: Training, count: u64, limited: bool) -> (Vec<String>, Option<u64>) {
    let mut dropped = None;
    let learnt = training(count, limited, &mut |progress| {
        if let Progress::Dropped { least_count, .. } = progress {
            dropped = Some(least_count);
        }
    });
    (learnt, dropped)
}

#[test]
fn a_corpus_larger_than_the_limit_keeps_to_it() {
    // What the allocator keeps of what was given back, and the stacks of threads.
    const SLACK: usize = 4 << 20;
    // With how much is learnt at least, and how many texts have words that fit. Unigram gives up pieces that have become
    // too rare, so that it ends below the size that was asked for.
    let trainings: [(&str, Training, usize, u64); 4] = [
        ("byte-level", byte_level, 700 - 256, 20_000),
        ("characters", characters, 700 - 23, 20_000),
        ("WordPiece", word_piece, 700, 20_000),
        ("Unigram", unigram, 300, 3_000),
    ];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    pool.install(|| {
        // Everything that is allocated once.
        for (_, training, ..) in trainings {
            train(training, 10, true);
        }
        // The peak never falls, so that each is held against what there was before the first.
        let before = peak();
        for (name, training, least, _) in trainings {
            let (learnt, dropped) = train(training, 250_000, true);
            let after = peak();
            let least_count = dropped.expect("the words do not all fit");
            assert!((2..20).contains(&least_count), "{name}: {least_count}");
            assert!(learnt.len() >= least, "{name}: {}", learnt.len());
            if let (Some(before), Some(after)) = (before, after) {
                assert!(after - before < LIMIT + SLACK, "{name}: {} MB", (after - before) >> 20);
            }
        }
        for (name, training, _, count) in trainings {
            let (all, _) = train(training, count, false);
            let (limited, dropped) = train(training, count, true);
            assert_eq!(dropped, None, "{name}");
            assert!(all == limited, "{name}");
        }
    });
}
