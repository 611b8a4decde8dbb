//! Scaled dot-product attention as functions: in one fused operation, and in its three steps.

use autograd::{Case, GradcheckReport, Var, gradcheck};
use nn::Mode;
use tensor::{Element, Tensor, shape};

use crate::Mask;
use crate::kernel::{Problem, WeightDropout, readable};

/// Scaled dot-product attention, fused: `softmax(q·kᵀ / √d_head, masked) · v` (Vaswani et al. 2017, eq. 1).
///
/// `q (batch, heads, query, d_head)`, `k, v (batch, kv_heads, key, d_head)` → `(batch, heads, query, d_head)`.
/// `heads` is a multiple of `kv_heads`; each key-value head serves a group of query heads (Ainslie et al.
/// 2023). No `query × key` matrix is kept for the way back. Queries that may attend to nothing give zeros.
///
/// # Panics
/// If the shapes or the mask do not fit together.
///
/// ```
/// use attention::{Mask, attend};
/// use autograd::Var;
/// use tensor::Tensor;
/// let x = Var::constant(Tensor::<f32>::ones(&[1, 2, 4, 3]));    // (batch, heads, time, d_head)
/// let y = attend(&x, &x, &x, &Mask::causal());
/// assert_eq!(y.shape(), [1, 2, 4, 3]);
/// ```
#[track_caller]
pub fn attend<E: Element>(q: &Var<E>, k: &Var<E>, v: &Var<E>, mask: &Mask) -> Var<E> {
    attend_with(q, k, v, mask, &AttendOptions::default(), &mut Mode::Eval)
}

/// Options of [`attend_with`].
///
/// ```
/// use attention::{AttendOptions, Mask, attend, attend_with};
/// use nn::Mode;
/// use tensor::Tensor;
/// let x = Tensor::<f32>::arange(6).reshape(&[1, 1, 3, 2]).into();       // (batch, heads, time, d_head)
/// let scale = Some(1.0 / 2_f64.sqrt());
/// let options = AttendOptions { scale, ..AttendOptions::default() };    // what the default means here
/// let y = attend_with(&x, &x, &x, &Mask::none(), &options, &mut Mode::Eval);
/// assert_eq!(y.value(), attend(&x, &x, &x, &Mask::none()).value());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AttendOptions {
    /// Factor of the scores; `1/√d_head` if not given.
    pub scale: Option<f64>,
    /// Probability of dropping each attention weight in training.
    pub dropout: f64,
}

/// [`attend`] with another scale and dropout of the attention weights.
///
/// # Panics
/// As `attend`, and if `dropout` is not in `[0, 1)`.
///
/// ```
/// use attention::{AttendOptions, Mask, attend_with};
/// use nn::Mode;
/// use tensor::Tensor;
/// let q = Tensor::full(&[1, 1, 1, 1], 2.0).into();                                 // (batch, heads, query, d_head)
/// let k = Tensor::from_vec(vec![0.0, 3_f64.ln()], &[1, 1, 2, 1]).into();           // (batch, heads, key, d_head)
/// let v = Tensor::from_vec(vec![4.0, 8.0], &[1, 1, 2, 1]).into();
/// let options = AttendOptions { scale: Some(0.5), dropout: 0.1 };                  // Eval drops nothing
/// let y = attend_with(&q, &k, &v, &Mask::none(), &options, &mut Mode::Eval);
/// assert!((y.item() - (4.0 / 4.0 + 8.0 * 3.0 / 4.0)).abs() < 1e-12);               // softmax(0, ln 3) = (1/4, 3/4)
/// ```
#[track_caller]
pub fn attend_with<E: Element>(
    q: &Var<E>,
    k: &Var<E>,
    v: &Var<E>,
    mask: &Mask,
    options: &AttendOptions,
    mode: &mut Mode<'_>,
) -> Var<E> {
    check_shapes("attend", q.value(), k.value(), v.value(), mask);
    let problem = Problem {
        q: readable(q.value()),
        k: readable(k.value()),
        v: readable(v.value()),
        mask: mask.clone(),
        scale: options.scale.unwrap_or_else(|| 1.0 / (q.dim(3) as f64).sqrt()),
        dropout: weight_dropout(options.dropout, mode),
    };
    let value = problem.forward().transpose(1, 2); // (batch, heads, query, d_head)
    Var::record("attend", [q, k, v], value, move |dy| problem.backward(&readable(dy)).map(Some))
}

/// Self-attention from a packed projection `qkv (batch, time, (heads + 2·kv_heads) · d_head)`, in which the
/// columns are all queries, all keys, all values → `(batch, time, heads · d_head)`. The gradient is packed in
/// the same way, so nothing is split or joined on the way back.
///
/// # Panics
/// If the width is no multiple of `heads + 2·kv_heads`, `heads` none of `kv_heads`, the mask does not fit, or
/// `dropout` is not in `[0, 1)`.
///
/// ```
/// use attention::{AttendOptions, Mask, attend_packed};
/// use nn::Mode;
/// use tensor::Tensor;
/// // Two heads of size 1 that share a key and a value; queries of 0 attend to all keys alike.
/// let qkv = Tensor::from_vec(vec![0.0_f32, 0.0, 5.0, 2.0, 0.0, 0.0, -5.0, 6.0], &[1, 2, 4]).into();
/// let y = attend_packed(&qkv, 2, 1, &Mask::causal(), &AttendOptions::default(), &mut Mode::Eval);
/// assert_eq!(y.shape(), [1, 2, 2]);                                                // (batch, time, heads · d_head)
/// assert_eq!(y.value().to_vec(), [2.0, 2.0, 4.0, 4.0]);
/// ```
#[track_caller]
pub fn attend_packed<E: Element>(
    qkv: &Var<E>,
    heads: usize,
    kv_heads: usize,
    mask: &Mask,
    options: &AttendOptions,
    mode: &mut Mode<'_>,
) -> Var<E> {
    shape::agree("attend_packed", &[("qkv", "batch time width", qkv.shape())]);
    let [batch, time, width] = *qkv.shape() else { unreachable!("checked") };
    let parts = heads + 2 * kv_heads;
    assert!(parts > 0 && width % parts == 0, "attend_packed: width {width} is no multiple of {parts} heads");
    let d_head = width / parts;
    let part = |first: usize, heads: usize| {
        let columns = first * d_head..(first + heads) * d_head;
        let split = qkv.value().contiguous().slice(2, columns).reshape(&[batch, time, heads, d_head]);
        split.transpose(1, 2) // (batch, heads, time, d_head)
    };
    let (q, k, v) = (part(0, heads), part(heads, kv_heads), part(heads + kv_heads, kv_heads));
    check_shapes("attend_packed", &q, &k, &v, mask);
    let problem = Problem {
        q,
        k,
        v,
        mask: mask.clone(),
        scale: options.scale.unwrap_or_else(|| 1.0 / (d_head as f64).sqrt()),
        dropout: weight_dropout(options.dropout, mode),
    };
    let value = problem.forward().reshape(&[batch, time, heads * d_head]);
    Var::record("attend_packed", [qkv], value, move |dy| {
        let dy = dy.contiguous().reshape(&[batch, time, heads, d_head]).transpose(1, 2);
        [Some(problem.backward_packed(&dy))]
    })
}

/// Step one and two of attention as plain operations: the weights `softmax(q·kᵀ / √d_head, masked)`,
/// `(batch, heads, query, key)`. Step three is their product with the values. For pictures and for reading;
/// [`attend`] computes the same without keeping them.
///
/// # Panics
/// If the shapes or the mask do not fit together.
///
/// ```
/// use attention::{Mask, attention_weights};
/// use tensor::Tensor;
/// let q = Tensor::ones(&[1, 1, 1, 1]).into();                                      // (batch, heads, query, d_head)
/// let k = Tensor::from_vec(vec![0.0, 3_f64.ln()], &[1, 1, 2, 1]).into();           // (batch, heads, key, d_head)
/// let weights = attention_weights(&q, &k, &Mask::none()).value().to_vec();         // (batch, heads, query, key)
/// assert!((weights[0] - 0.25).abs() < 1e-12 && (weights[1] - 0.75).abs() < 1e-12);
/// ```
#[track_caller]
pub fn attention_weights<E: Element>(q: &Var<E>, k: &Var<E>, mask: &Mask) -> Var<E> {
    check_shapes("attention_weights", q.value(), k.value(), k.value(), mask);
    let (batch, heads, queries, keys, d_head) = (q.dim(0), q.dim(1), q.dim(2), k.dim(2), q.dim(3));
    let kv_heads = k.dim(1);
    let grouped = q.reshape(&[batch, kv_heads, heads / kv_heads * queries, d_head]);
    let products = grouped.matmul(&k.t()); // (batch, kv_heads, group·query, key)
    let scores = products * E::from_f64(1.0 / (d_head as f64).sqrt());
    let scores = scores.reshape(&[batch, heads, queries, keys]);
    let hidden = mask.to_bools(batch, queries, keys).not().reshape(&[batch, 1, queries, keys]);
    scores.masked_fill(&hidden, E::NEG_INFINITY).softmax(-1)
}

fn weight_dropout(p: f64, mode: &mut Mode<'_>) -> Option<WeightDropout> {
    assert!((0.0..1.0).contains(&p), "attention dropout {p} is not in [0, 1)");
    let rng = mode.rng().filter(|_| p > 0.0)?;
    Some(WeightDropout { p, seed: rng.next_u64() })
}

#[track_caller]
fn check_shapes<E: Element>(op: &str, q: &Tensor<E>, k: &Tensor<E>, v: &Tensor<E>, mask: &Mask) {
    let operands = [
        ("q", "batch heads query d_head", q.shape()),
        ("k", "batch kv_heads key d_head", k.shape()),
        ("v", "batch kv_heads key d_head", v.shape()),
    ];
    shape::agree(op, &operands);
    let (heads, kv_heads) = (q.dim(1), k.dim(1));
    if kv_heads == 0 || heads % kv_heads != 0 {
        shape::fail(op, &operands, "heads is no multiple of kv_heads");
    }
    mask.check(op, q.dim(0), q.dim(2), k.dim(2));
}

pub(crate) const CASES: &[Case] = &[
    Case::new("attend", |draw| check_fused(draw, None, 0.0)),
    Case::new("attend, scale", |draw| {
        let scale = draw.number(0.2, 2.0);
        check_fused(draw, Some(scale), 0.0)
    }),
    Case::new("attend, dropout", |draw| check_fused(draw, None, 0.4)),
    Case::new("attend_packed", |draw| {
        let [batch, time, d_head] = draw.dims();
        let (kv_heads, group) = (1 + draw.below(2), 1 + draw.below(2));
        let (heads, mask) = (kv_heads * group, random_mask(draw, batch, time, time));
        let qkv = draw.normal(&[batch, time, (heads + 2 * kv_heads) * d_head]);
        let options = AttendOptions { scale: draw.flip().then_some(0.7), dropout: 0.0 };
        gradcheck(|v| attend_packed(&v[0], heads, kv_heads, &mask, &options, &mut Mode::Eval), &[qkv])
    }),
    Case::new("attention_weights", |draw| {
        let [batch, queries, keys, d_head] = draw.dims();
        let mask = random_mask(draw, batch, queries, keys);
        let q = draw.normal(&[batch, 4, queries, d_head]);
        let k = draw.normal(&[batch, 2, keys, d_head]);
        gradcheck(|v| attention_weights(&v[0], &v[1], &mask), &[q, k])
    }),
];

fn check_fused(
    draw: &mut autograd::Gen,
    scale: Option<f64>,
    dropout: f64,
) -> Result<GradcheckReport, autograd::GradcheckError> {
    let [batch, queries, keys, d_head] = draw.dims();
    let (kv_heads, group) = (1 + draw.below(2), 1 + draw.below(3));
    let mask = random_mask(draw, batch, queries, keys);
    let q = draw.normal(&[batch, kv_heads * group, queries, d_head]);
    let [k, v] = [(); 2].map(|()| draw.normal(&[batch, kv_heads, keys, d_head]));
    let (options, rng) = (AttendOptions { scale, dropout }, draw.rng().clone());
    let f = |v: &[Var<f64>]| {
        attend_with(&v[0], &v[1], &v[2], &mask, &options, &mut Mode::Train(&mut rng.clone()))
    };
    gradcheck(f, &[q, k, v])
}

/// A mask of any kind and combination.
fn random_mask(draw: &mut autograd::Gen, batch: usize, queries: usize, keys: usize) -> Mask {
    let mut mask = match draw.below(4) {
        0 => Mask::none(),
        1 => Mask::causal(),
        2 => Mask::causal_from(keys.saturating_sub(queries)),
        _ => Mask::sliding_window(1 + draw.below(3), draw.below(2)),
    };
    if draw.flip() {
        let lengths: Vec<usize> = (0..batch).map(|_| draw.below(keys + 1)).collect();
        mask = mask.and(&Mask::lengths(&lengths));
    }
    if draw.flip() {
        let allowed: Vec<bool> = (0..queries * keys).map(|_| draw.below(4) > 0).collect();
        mask = mask.and(&Mask::table(tensor::Bools::new(allowed, &[queries, keys])));
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use autograd::Gen;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn fused_equals_the_three_steps(seed in any::<u64>()) {
            let draw = &mut Gen::new(seed);
            let [batch, queries, keys, d_head] = draw.dims();
            let (queries, keys) = if draw.flip() { (queries * 40, keys * 40) } else { (queries, keys) };
            let mask = random_mask(draw, batch, queries, keys);
            let q = Var::constant(draw.normal(&[batch, 4, queries, d_head]));
            let k = Var::constant(draw.normal(&[batch, 2, keys, d_head]));
            let v = Var::constant(draw.normal(&[batch, 2, keys, d_head]));
            let fused = attend(&q, &k, &v, &mask);
            let weights = attention_weights(&q, &k, &mask);             // (batch, heads, query, key)
            let grouped = weights.reshape(&[batch, 2, 2 * queries, keys]);
            let plain = grouped.matmul(&v).reshape(&[batch, 4, queries, d_head]);
            prop_assert!(fused.value().max_abs_diff(plain.value()) < 1e-12);
        }

        #[test]
        fn the_future_does_not_reach_the_past(seed in any::<u64>()) {
            let draw = &mut Gen::new(seed);
            let time = 70 + draw.below(20);
            let cut = 1 + draw.below(time - 1);
            let [q, k, v] = [(); 3].map(|()| draw.normal(&[1, 2, time, 3]));
            let before = attend(&q.clone().into(), &k.clone().into(), &v.clone().into(), &Mask::causal());
            let change = |x: &Tensor<f64>| {
                let (past, future) = (x.slice(2, 0..cut), x.slice(2, cut..time).map(|x| 3.0 - x));
                Var::constant(Tensor::concat(&[&past, &future], 2))
            };
            let after = attend(&change(&q), &change(&k), &change(&v), &Mask::causal());
            prop_assert_eq!(before.value().slice(2, 0..cut), after.value().slice(2, 0..cut));
        }
    }

    /// Gradients of the fused kernel over several tiles of queries and keys, and of the packed form, against those
    /// of the three steps.
    fn tiles_agree<E: Element>(mask: &Mask, time: usize, tolerance: f64) {
        let draw = &mut Gen::new(time as u64);
        let mut normal = |heads| draw.normal(&[2, heads, time, 8]).cast::<E>();
        let [q, k, v] = [4, 2, 2].map(|heads| Var::leaf(normal(heads)));
        let dy = normal(4);
        let weights = attention_weights(&q, &k, mask).reshape(&[2, 2, 2 * time, time]);
        let plain = weights.matmul(&v).reshape(&[2, 4, time, 8]).backward_from(&dy).unwrap();
        let fused = attend(&q, &k, &v, mask).backward_from(&dy).unwrap();
        for x in [&q, &k, &v] {
            assert!(fused.get(x).unwrap().max_abs_diff(plain.get(x).unwrap()) < tolerance, "{time} {mask:?}");
        }
        let side_by_side = |parts: [&Tensor<E>; 3]| {
            let rows = parts.map(|x| x.transpose(1, 2).contiguous().reshape(&[2, time, x.dim(1) * 8]));
            Tensor::concat(&[&rows[0], &rows[1], &rows[2]], 2)
        };
        let packed = Var::leaf(side_by_side([&q, &k, &v].map(Var::value)));
        let y = attend_packed(&packed, 4, 2, mask, &AttendOptions::default(), &mut Mode::Eval);
        let dy = dy.transpose(1, 2).contiguous().reshape(&[2, time, 32]);
        let found = y.backward_from(&dy).unwrap();
        let expected = side_by_side([&q, &k, &v].map(|x| plain.get(x).unwrap()));
        assert!(found.get(&packed).unwrap().max_abs_diff(&expected) < tolerance, "packed {time} {mask:?}");
    }

    #[test]
    fn gradients_over_several_tiles_are_those_of_the_three_steps() {
        for (mask, time) in [
            (Mask::none(), 150),
            (Mask::causal(), 150),
            (Mask::causal(), 65),
            (Mask::sliding_window(20, 0), 200),
            (Mask::sliding_window(70, 0).and(&Mask::lengths(&[200, 90])), 200),
            (Mask::lengths(&[130, 0]), 130),
        ] {
            tiles_agree::<f64>(&mask, time, 1e-10);
            tiles_agree::<f32>(&mask, time, 1e-4);
        }
    }

    #[test]
    fn dropout_over_several_tiles_has_the_gradient_of_its_function() {
        let draw = &mut Gen::new(5);
        let [q, k, v] = [(); 3].map(|()| draw.normal(&[1, 1, 130, 2]));
        let (options, rng) = (AttendOptions { scale: None, dropout: 0.3 }, draw.rng().clone());
        let f = |v: &[Var<f64>]| {
            attend_with(&v[0], &v[1], &v[2], &Mask::causal(), &options, &mut Mode::Train(&mut rng.clone()))
        };
        let check = autograd::Gradcheck { directions: 2, exhaustive: 0, ..Default::default() };
        check.check(f, &[q, k, v]).unwrap();
    }

    #[test]
    fn seeing_nothing_gives_zeros() {
        let x = Var::leaf(Tensor::<f32>::ones(&[2, 1, 3, 2]));
        let y = attend(&x, &x, &x, &Mask::lengths(&[0, 3]));
        assert_eq!(y.value().select(0, 0), Tensor::zeros(&[1, 3, 2]));
        assert_eq!(y.value().select(0, 1), Tensor::ones(&[1, 3, 2]));
        assert!(y.sum().backward().unwrap().get(&x).unwrap().first_non_finite().is_none());
    }

    #[test]
    fn without_queries_or_without_keys_gradients_are_zero() {
        // Buffers of these sizes that hold other numbers, for what is not written to show.
        drop([(); 8].map(|()| Tensor::<f32>::full(&[2, 1, 300, 8], 7.0)));
        for (queries, keys) in [(300, 0), (0, 300)] {
            let q = Var::leaf(Tensor::<f32>::ones(&[2, 1, queries, 8]));
            let [k, v] = [(); 2].map(|()| Var::leaf(Tensor::ones(&[2, 1, keys, 8])));
            let y = attend(&q, &k, &v, &Mask::none());
            assert_eq!(*y.value(), Tensor::zeros(&[2, 1, queries, 8]));
            let grads = y.sum().backward().unwrap();
            for x in [&q, &k, &v] {
                assert_eq!(*grads.get(x).unwrap(), Tensor::zeros(x.shape()));
            }
        }
    }

    #[test]
    fn a_batch_of_two_is_two_batches_of_one() {
        let draw = &mut Gen::new(3);
        let [q, k, v] = [(); 3].map(|()| draw.normal(&[2, 3, 67, 5]).cast::<f32>());
        let whole = attend(&q.clone().into(), &k.clone().into(), &v.clone().into(), &Mask::causal());
        for b in 0..2 {
            let item = |x: &Tensor| Var::constant(x.slice(0, b..b + 1));
            let one = attend(&item(&q), &item(&k), &item(&v), &Mask::causal());
            assert_eq!(whole.value().slice(0, b..b + 1), *one.value());
        }
    }

    #[test]
    #[should_panic(expected = "`d_head` is 3 in q but 4 in k")]
    fn shapes_are_named() {
        let [q, k] = [3, 4].map(|d| Var::constant(Tensor::<f32>::zeros(&[1, 1, 2, d])));
        attend(&q, &k, &k, &Mask::none());
    }
}
