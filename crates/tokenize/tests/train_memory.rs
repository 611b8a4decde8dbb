//! The limit of memory is kept. One test, so that nothing else in the process takes memory meanwhile.

use tokenize::ByteLevelBpeTrainer;
use tokenize::train::Progress;

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

#[test]
fn a_corpus_larger_than_the_limit_keeps_to_it() {
    const LIMIT: usize = 12 << 20;
    // What the allocator keeps of what was given back, and the stacks of threads.
    const SLACK: usize = 4 << 20;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let train = |count, limit| {
        pool.install(|| {
            let mut trainer = ByteLevelBpeTrainer::new(700);
            if let Some(limit) = limit {
                trainer = trainer.memory_limit(limit);
            }
            let mut dropped = None;
            let model = trainer.train_with(texts(count), &mut |progress| {
                if let Progress::Dropped { words, least_count } = progress {
                    dropped = Some((words, least_count));
                }
            });
            let model = model.unwrap();
            (
                model.merges().map(|merge| (merge.left.to_vec(), merge.right.to_vec())).collect::<Vec<_>>(),
                dropped,
            )
        })
    };
    // Everything that is allocated once.
    train(10, Some(LIMIT));
    let before = peak();
    let (limited, dropped) = train(250_000, Some(LIMIT));
    let after = peak();
    let (_, least_count) = dropped.expect("the words do not all fit");
    assert!((2..20).contains(&least_count));
    assert_eq!(limited.len(), 700 - 256);
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after - before < LIMIT + SLACK, "{} MB", (after - before) >> 20);
    }
    // Fewer texts, whose words fit: nothing changes.
    let (all, _) = train(20_000, None);
    let (limited, dropped) = train(20_000, Some(LIMIT));
    assert_eq!(dropped, None);
    assert!(all == limited);
}
