//! The engine: graphs of every form, what it refuses, and that nothing depends on the number of threads.

use autograd::{
    BackwardError, CrossEntropy, Gen, Gradients, Phase, Var, checkpoint, detect_anomaly, no_grad,
};
use proptest::prelude::*;
use tensor::{Element, Ids, Tensor};

fn leaf(values: &[f64]) -> Var<f64> {
    Var::leaf(Tensor::from_slice(values, &[values.len()]))
}

fn gradient<E: Element>(grads: &Gradients<E>, leaf: &Var<E>) -> Vec<E> {
    grads.get(leaf).expect("a gradient").to_vec()
}

#[test]
fn a_chain_of_200_000_steps_needs_no_stack() {
    let run = || {
        let x = leaf(&[1.0]);
        let chain = |steps: usize| (0..steps).fold(x.clone(), |y, _| y + 1e-6);
        let y = chain(200_000);
        assert_eq!(gradient(&y.backward().unwrap(), &x), [1.0]);
        drop(y);
        // Dropped without a backward pass, all records still in place.
        drop(chain(200_000));
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_diamond_visits_every_node_once() {
    // Forty layers in which each value is used twice: 2⁴⁰ paths.
    let x = leaf(&[1.0]);
    let y = (0..40).fold(x.clone(), |y, _| (&y + &y) * 0.5);
    assert_eq!(gradient(&y.backward().unwrap(), &x), [1.0]);
}

#[test]
fn a_leaf_used_many_times_gets_the_sum() {
    let x = leaf(&[1.0, -2.0]);
    let y = (0..1000).fold(Var::constant(Tensor::zeros(&[2])), |sum, i| sum + &x * f64::from(i));
    assert_eq!(gradient(&y.sum().backward().unwrap(), &x), [499_500.0; 2]);
    assert_eq!(gradient(&(&x * &x).sum().backward().unwrap(), &x), [2.0, -4.0]);
}

#[test]
fn what_was_broadcast_is_summed() {
    let x = Var::leaf(Tensor::<f64>::ones(&[4, 2, 3]));
    let (row, column, scalar) =
        (leaf(&[1.0, 2.0, 3.0]), Var::leaf(Tensor::ones(&[2, 1])), Var::leaf(Tensor::scalar(2.0)));
    let grads = ((&x * &row + &column) * &scalar).sum().backward().unwrap();
    assert_eq!(gradient(&grads, &row), [16.0; 3]);
    assert_eq!(gradient(&grads, &column), [24.0; 2]);
    assert_eq!(gradient(&grads, &scalar), [4.0 * 2.0 * 6.0 + 24.0]);
    assert_eq!(grads.get(&column).unwrap().shape(), [2, 1]);
}

#[test]
fn passes_accumulate() {
    let (x, w) = (leaf(&[3.0]), leaf(&[2.0]));
    let mut grads = (&x * &w).backward().unwrap();
    grads.accumulate((&x * 10.0).backward().unwrap());
    assert_eq!((gradient(&grads, &x), gradient(&grads, &w)), (vec![12.0], vec![3.0]));
    grads.scale(0.5);
    assert_eq!(grads.norm(), (36.0_f64 + 2.25).sqrt());
    assert_eq!(grads.clip_norm(1.0), (36.0_f64 + 2.25).sqrt());
    assert!((grads.norm() - 1.0).abs() < 1e-12);
    grads.clip_value(0.5);
    assert_eq!(gradient(&grads, &x), [0.5]);
    let ids: Vec<_> = grads.iter().map(|(id, _)| Some(id)).collect();
    assert_eq!(ids, [x.leaf_id(), w.leaf_id()]);
}

#[test]
fn a_graph_is_freed_unless_kept() {
    let x = leaf(&[2.0]);
    let y = x.exp();
    let (first, second) = (y.square(), &y * 3.0);
    assert!(first.backward().is_ok());
    assert_eq!(first.backward().err(), Some(BackwardError::Freed { op: "square" }));
    assert_eq!(second.backward().err(), Some(BackwardError::Freed { op: "exp" }));
    let kept = x.exp();
    let [a, b] = [(); 2].map(|()| gradient(&kept.backward_retain().unwrap(), &x));
    assert_eq!(a, b);
    assert!(kept.backward().is_ok());
    assert!(kept.backward().unwrap_err().to_string().contains("use `backward_retain`"));
}

#[test]
fn what_has_no_gradient_is_an_error() {
    let x = leaf(&[1.0, 2.0]);
    assert_eq!(x.exp().backward().err(), Some(BackwardError::NotScalar { shape: vec![2] }));
    let cut = x.detach().sum();
    assert_eq!(cut.backward().err(), Some(BackwardError::Constant));
    assert_eq!(no_grad(|| x.sum()).backward().err(), Some(BackwardError::Constant));
    let (used, unused) = (leaf(&[1.0]), leaf(&[1.0]));
    let grads = used.exp().backward().unwrap();
    assert!(grads.get(&unused).is_none() && grads.len() == 1);
}

#[test]
#[should_panic(expected = "backward_from: value (2), upstream (3): shapes differ")]
fn an_upstream_gradient_has_the_shape_of_the_value() {
    let _ = leaf(&[1.0, 2.0]).backward_from(&Tensor::ones(&[3]));
}

#[test]
fn recording_stops_and_resumes() {
    let x = leaf(&[1.0]);
    no_grad(|| {
        assert!(!x.exp().needs_grad());
        no_grad(|| assert!(!x.exp().needs_grad()));
        assert!(!x.exp().needs_grad());
    });
    assert!(x.exp().needs_grad());
    let panicked = std::panic::catch_unwind(|| no_grad(|| panic!("inside")));
    assert!(panicked.is_err() && x.exp().needs_grad());
    assert!(!(&x.detach() * 2.0).needs_grad());
    assert!(!Var::constant(Tensor::<f64>::ones(&[1])).exp().needs_grad());
}

#[test]
#[should_panic(expected = "forgetful: its vjp returned 1 gradients for 2 inputs")]
fn a_vjp_returns_one_gradient_for_each_input() {
    let (x, y) = (leaf(&[1.0]), leaf(&[1.0]));
    let sum = Var::record_many("forgetful", &[&x, &y], x.value() + y.value(), |dz| vec![Some(dz.clone())]);
    let _ = sum.backward();
}

#[test]
#[should_panic(expected = "withholding: its vjp returned no gradient for input 1, which needs one")]
fn a_vjp_withholds_nothing() {
    let (x, y) = (leaf(&[1.0]), leaf(&[1.0]));
    let sum = Var::record("withholding", [&x, &y], x.value() + y.value(), |dz| [Some(dz.clone()), None]);
    let _ = sum.backward();
}

#[test]
#[should_panic(expected = "misshapen: its vjp returned a gradient of shape [3] for input 0 of shape [2]")]
fn a_gradient_has_the_shape_of_its_input() {
    let x = leaf(&[1.0, 2.0]);
    let y = Var::record("misshapen", [&x], x.value().clone(), |_| [Some(Tensor::zeros(&[3]))]);
    let _ = y.sum().backward();
}

#[test]
#[should_panic(expected = "value_mut: the result of an operation")]
fn the_result_of_an_operation_does_not_change() {
    let _ = leaf(&[1.0]).exp().value_mut();
}

#[test]
fn a_checkpoint_changes_no_gradient() {
    let draw = &mut Gen::new(4);
    let weights = [draw.normal(&[5, 3]), draw.normal(&[4, 5])].map(Var::leaf);
    let x = Var::leaf(draw.normal(&[2, 3]));
    let layer = |x: &Var<f64>, [a, b]: &[Var<f64>; 2]| x.linear(a, None).tanh().linear(b, None).sigmoid();
    let inner = weights.clone();
    let saving = |x: &Var<f64>| {
        let inner = inner.clone();
        checkpoint(x, move |x| layer(x, &inner))
    };
    let (plain, saved) = (layer(&x, &weights), saving(&x));
    assert_eq!(plain.value(), saved.value());
    // The segment's result is used twice, its parameters also outside of it.
    let loss = |y: &Var<f64>| (y.square() + y.exp()).sum() + weights[0].square().sum();
    let (plain, saved) = (loss(&plain).backward().unwrap(), loss(&saved).backward().unwrap());
    for leaf in [&x, &weights[0], &weights[1]] {
        assert!(plain.get(leaf).unwrap().all_close(saved.get(leaf).unwrap(), 1e-14, 1e-14));
    }
    // Parameters are reached from a constant input too; without recording there is nothing to reach.
    let grads = saving(&x.detach()).sum().backward().unwrap();
    assert!(grads.get(&weights[0]).is_some() && grads.get(&x).is_none());
    assert!(!no_grad(|| saving(&x)).needs_grad());
}

#[test]
fn checkpoints_nest() {
    let x = leaf(&[0.3, -0.4]);
    let nested = checkpoint(&x, |x| checkpoint(&x.sin(), Var::exp).square());
    let grads = nested.sum().backward().unwrap();
    let plain = x.sin().exp().square().sum().backward().unwrap();
    assert_eq!(grads.get(&x), plain.get(&x));
}

#[test]
fn an_anomaly_is_traced_to_its_operation() {
    let x = leaf(&[4.0, -1.0, 0.0]);
    let forward = detect_anomaly(|| (x.sqrt() * 2.0).sum()).unwrap_err();
    assert_eq!((forward.op, forward.phase, forward.index), ("sqrt", Phase::Forward, 1));
    assert_eq!(forward.value, "NaN");
    // The value is finite; the slope of √x at 0 is not.
    let y = leaf(&[4.0, 1.0, 0.0]);
    let backward = detect_anomaly(|| y.sqrt().sum().backward()).unwrap_err();
    assert_eq!((backward.op, backward.phase, backward.index), ("sqrt", Phase::Backward { input: 0 }, 2));
    assert_eq!(
        backward.to_string(),
        "`sqrt` (backward, gradient of input 0) made inf at element 2 of shape [3] from finite inputs"
    );
    // A piece of something infinite is no new anomaly.
    let first = detect_anomaly(|| leaf(&[0.0, 1.0]).ln().split(0, &[1, 1])).unwrap_err();
    assert_eq!(first.op, "ln");
    assert!(detect_anomaly(|| Var::leaf(Tensor::full(&[2], f64::INFINITY)).split(0, &[1, 1])).is_ok());
    assert!(detect_anomaly(|| y.sum()).is_ok());
}

#[test]
fn a_given_nan_and_an_overflowing_sum_are_told_apart() {
    let given = detect_anomaly(|| {
        let x = Var::leaf(Tensor::from_vec(vec![1.0_f32, f32::NAN], &[2]));
        (Var::leaf(Tensor::ones(&[2])) * x).sum()
    })
    .unwrap_err();
    assert_eq!((given.op, given.phase, given.index), ("mul", Phase::Input { input: 1 }, 1));

    // Each use of `x` sends back 3e38, which is finite; together they are not.
    let sum = detect_anomaly(|| {
        let x = Var::leaf(Tensor::full(&[1], 1e-30_f32));
        let y = x.abs();
        let _ = (&y * 3e38 + &y * 3e38).sum().backward();
    })
    .unwrap_err();
    assert_eq!((sum.op, sum.phase), ("abs", Phase::Upstream));

    // An infinity that is given may be meant.
    let masked = detect_anomaly(|| Var::leaf(Tensor::full(&[2], f32::NEG_INFINITY)).exp().sum());
    assert_eq!(masked.unwrap().item(), 0.0);
}

/// A bit of everything that splits its work, large enough to be split.
fn composite() -> (f32, Vec<Tensor>) {
    let draw = &mut Gen::new(9);
    let (rows, cols, vocab) = (300, 130, 400);
    let mut param = |shape: &[usize]| Var::leaf(draw.uniform(shape, -0.1, 0.1).cast::<f32>());
    let table = param(&[vocab, cols]);
    let (weight, bias, scale) = (param(&[cols, cols]), param(&[cols]), param(&[cols]));
    let ids = Ids::new((0..rows).map(|i| (i * i % vocab) as u32).collect(), &[2, rows / 2]);
    let x = table.embedding(&ids);
    let x = x.linear_act(&weight, Some(&bias), autograd::Activation::Gelu);
    let x = x.dropout(0.1, &mut Gen::new(3).rng().clone()).layer_norm(Some(&scale), Some(&bias), 1e-5);
    let x = x.matmul(&x.t()).softmax(-1).matmul(&x); // (2, rows / 2, cols)
    let logits = x.linear(&table, None); // (2, rows / 2, vocab)
    let loss = logits.cross_entropy(&ids, &CrossEntropy::default()) + x.square().mean();
    let grads = loss.backward().unwrap();
    let leaves = [&table, &weight, &bias, &scale];
    (loss.item(), leaves.map(|leaf| grads.get(leaf).unwrap().clone()).to_vec())
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let on =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(composite);
    let bits = |(loss, grads): (f32, Vec<Tensor>)| {
        let all = grads.iter().flat_map(Tensor::to_vec).map(f32::to_bits);
        std::iter::once(loss.to_bits()).chain(all).collect::<Vec<_>>()
    };
    let one = bits(on(1));
    assert!(one == bits(on(2)) && one == bits(on(4)), "gradients differ between pools");
}

proptest! {
    #[test]
    fn gradients_are_linear_in_the_upstream(seed in any::<u64>(), a in -3.0..3.0_f64, b in -3.0..3.0_f64) {
        let draw = &mut Gen::new(seed);
        let [rows, cols, inner] = draw.dims();
        let x = Var::leaf(draw.normal(&[rows, inner]));
        let w = Var::leaf(draw.normal(&[cols, inner]));
        let y = x.linear(&w, None).softmax(-1).cumsum(0);
        let [u, v] = [(); 2].map(|()| draw.normal(&[rows, cols]));
        let retained = |upstream: &Tensor<f64>| (&y * &Var::constant(upstream.clone())).sum().backward_retain().unwrap();
        let (of_u, of_v) = (retained(&u), retained(&v));
        let mixed = y.backward_from(&(&(&u * a) + &(&v * b))).unwrap();
        for leaf in [&x, &w] {
            let expected = &(of_u.get(leaf).unwrap() * a) + &(of_v.get(leaf).unwrap() * b);
            prop_assert!(mixed.get(leaf).unwrap().all_close(&expected, 1e-10, 1e-10));
        }
    }
}
