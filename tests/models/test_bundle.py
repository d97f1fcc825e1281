import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from small_plant import cut_windows, run_plant
from tocsin_models.arrays import Flags, Floats
from tocsin_models.bundle import Bundle, empty_probe, make_bundle, pack, probe_gap, unpack
from tocsin_models.faults import Fault, FaultKind, inject

Files = dict[str, bytes]


def test_judging_keeps_shapes_and_leaves_the_input_alone(bundle: Bundle, windows: Floats) -> None:
    before = windows.copy()

    judged = bundle.judge(windows)

    np.testing.assert_array_equal(windows, before)
    rows = len(windows)
    assert judged.error.shape == (rows,)
    assert judged.blame.shape == judged.expected.shape == (rows, 3)
    assert bundle.reconstruct(windows).shape == windows.shape
    assert bundle.residuals(windows).shape == windows.shape
    assert bundle.encode(windows).shape == (rows, 4)


def test_errors_are_finite_and_not_negative_despite_missing_cells(
    bundle: Bundle, windows: Floats
) -> None:
    judged = bundle.judge(windows)

    assert judged.finite.all()
    assert (judged.error >= 0).all()
    assert (judged.blame >= 0).all()
    np.testing.assert_allclose(judged.blame.sum(axis=1), 1, rtol=1e-6)


def test_most_normal_windows_lie_below_the_limit(bundle: Bundle) -> None:
    scores = bundle.score(cut_windows(run_plant(400, seed=9)).values)

    assert (scores < 1).mean() > 0.98


def test_lone_missing_cells_are_no_anomaly(bundle: Bundle, windows: Floats) -> None:
    whole = bundle.judge(cut_windows(run_plant(400, seed=9)).values).error

    judged = bundle.judge(windows).error
    assert np.median(judged) < 2 * np.median(whole)
    assert (judged < 1).mean() > (whole < 1).mean() - 0.02


def test_a_window_without_a_measured_cell_is_not_finite(bundle: Bundle, windows: Floats) -> None:
    windows[4] = np.nan

    judged = bundle.judge(windows)

    assert np.flatnonzero(~judged.finite).tolist() == [4]
    assert np.isnan(judged.error[4])
    assert np.isnan(judged.blame[4]).all()
    assert np.isnan(judged.expected[4]).all()


def test_unseen_cells_are_not_blamed(bundle: Bundle, windows: Floats) -> None:
    windows[:, :, 1] = np.nan

    judged = bundle.judge(windows)

    assert judged.finite.all()
    assert (judged.blame[:, 1] == 0).all()
    assert np.median(judged.error) < 1


def test_what_a_missing_channel_should_have_been_follows_from_the_others(bundle: Bundle) -> None:
    whole = cut_windows(run_plant(400, seed=9)).values
    windows = whole.copy()
    windows[:, :, 1] = np.nan

    expected = bundle.judge(windows).expected[:, 1]

    assert np.corrcoef(expected, whole[:, -1, 1])[0, 1] > 0.9


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("kind", [FaultKind.SPIKE, FaultKind.SHIFT, FaultKind.NOISE])
def test_a_fault_raises_the_error_and_its_channel_is_blamed_most(
    kind: FaultKind, channel: int, bundle: Bundle
) -> None:
    rows = run_plant(300, seed=9)
    fault = Fault(kind, channel, 150, 16, magnitude=5)
    broken = inject(rows, fault, np.random.default_rng(0), bundle.scaler.spread)

    before, after = (bundle.judge(cut_windows(each).values) for each in (rows, broken))

    hit = cut_windows(rows).ends == 166
    assert (after.error[hit] > 3 * before.error[hit]).all()
    assert (after.blame[hit].argmax(axis=1) == channel).all()


def test_absurd_values_are_judged_like_any_others(bundle: Bundle, windows: Floats) -> None:
    windows[0, -1, 0], windows[1, -1, 0] = 1e300, np.inf

    judged = bundle.judge(windows)

    assert judged.finite.all()
    assert (judged.error[:2] > 1).all()


def test_expected_values_are_the_last_step_in_engineering_units(
    bundle: Bundle, windows: Floats
) -> None:
    expected = bundle.judge(windows).expected

    np.testing.assert_array_equal(expected, bundle.reconstruct(windows)[:, -1].astype(np.float32))
    gap = np.nanmedian(np.abs(expected - windows[:, -1]), axis=0)
    assert (gap < 0.5 * bundle.scaler.spread).all()


def test_scores_of_unknown_windows_and_before_are_not_changed_by_what_comes(
    bundle: Bundle,
) -> None:
    calm = cut_windows(run_plant(400, seed=9)).values
    calm[60:63] = np.nan
    loud = calm.copy()
    loud[150:, :, 1] += 50

    one, other = bundle.score(calm), bundle.score(loud)

    np.testing.assert_array_equal(one[:150], other[:150])
    assert np.flatnonzero(np.isnan(one)).tolist() == [60, 61, 62]
    assert other[160] > 10
    assert bundle.score(calm[:0]).shape == (0,)


def test_errors_and_what_they_are_averaged_by_are_measured_in_limits(bundle: Bundle) -> None:
    wide = replace(
        bundle, calibration=replace(bundle.calibration, limit=2 * bundle.calibration.limit)
    )
    values = cut_windows(run_plant(400, seed=9)).values

    np.testing.assert_allclose(wide.judge(values).error, bundle.judge(values).error / 2)
    np.testing.assert_allclose(wide.score(values), bundle.score(values) / 2)
    for one, other in zip(wide.averaging, bundle.averaging, strict=True):
        assert (one.cap, one.usual) == pytest.approx((other.cap / 2, other.usual / 2))


def test_an_asset_that_is_not_known_has_its_profiles_limit(bundle: Bundle) -> None:
    known = replace(bundle, calibration=replace(bundle.calibration, assets={"mill": 1.5}))

    assert known.limits_of(["mill", "pump"]).tolist() == [1.5, 1.0]
    assert unpack(pack(known)).limits_of(["mill"]).tolist() == [1.5]


def test_a_bundle_comes_back_from_its_files_bit_for_bit(bundle: Bundle, windows: Floats) -> None:
    files = pack(bundle)

    back = unpack(files)

    assert back.version == bundle.version == hashlib.sha256(files["manifest.json"]).hexdigest()[:16]
    assert pack(back) == files
    assert back.facts == bundle.facts
    assert back.calibration == bundle.calibration
    one, other = bundle.judge(windows), back.judge(windows)
    np.testing.assert_array_equal(one.error, other.error)
    np.testing.assert_array_equal(one.expected, other.expected)
    assert probe_gap(back) == 0


def test_another_fact_is_another_version(bundle: Bundle) -> None:
    assert replace(bundle, facts={**bundle.facts, "note": 1}).version != bundle.version


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_single_flipped_bit_is_refused(bundle: Bundle, draw: st.DataObject) -> None:
    files = pack(bundle)
    name = draw.draw(st.sampled_from(sorted(files)))
    bit = draw.draw(st.integers(0, 8 * len(files[name]) - 1))
    content = bytearray(files[name])
    content[bit // 8] ^= 1 << bit % 8

    with pytest.raises(ValueError, match="damaged"):
        unpack({**files, name: bytes(content)})


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json", "manifest.json"])
def test_a_missing_or_short_file_is_refused(name: str, bundle: Bundle) -> None:
    files = pack(bundle)

    with pytest.raises(ValueError, match="damaged"):
        unpack({**files, name: files[name][:-1]})
    del files[name]
    with pytest.raises(ValueError, match="expected"):
        unpack(files)


def test_a_file_too_many_is_refused(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="expected"):
        unpack({**pack(bundle), "more.pkl": b""})


def sealed(files: Files) -> Files:
    """Write the manifest anew, as one who means it would."""
    manifest = json.loads(files["manifest.json"])
    for name in manifest["files"]:
        digest = hashlib.sha256(files[name]).hexdigest()
        manifest["files"][name] = {"bytes": len(files[name]), "sha256": digest}
    return sign(files, json.dumps(manifest, indent=1, sort_keys=True).encode())


def sign(files: Files, manifest: bytes) -> Files:
    digest = hashlib.sha256(manifest).hexdigest().encode()
    return {**files, "manifest.json": manifest, "manifest.sha256": digest}


def test_sealing_anew_changes_nothing_by_itself(bundle: Bundle) -> None:
    assert sealed(pack(bundle)) == pack(bundle)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"[]"),
        ("config.json", b"{}"),
        ("config.json", b"\xff"),
        ("calibration.json", b'{"limit": 1}'),
        ("weights.safetensors", b"cbuiltins\neval\n."),
        ("weights.safetensors", b"\xff" * 64),
        ("golden.safetensors", b""),
    ],
)
def test_rubbish_under_a_valid_digest_is_refused(name: str, content: bytes, bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="bundle:"):
        unpack(sealed({**pack(bundle), name: content}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("length", 0),
        ("length", 17),
        ("length", "16"),
        ("stride", 99),
        ("channels", ["flow", "heat"]),
        ("channels", ["flow", "heat", "flow"]),
        ("spread", [0.0, 1.0, 1.0]),
        ("typical", [0.0, 1.0, 1.0]),
        ("network", {"hidden": 8}),
        ("network", {"hidden": 10**9}),
        ("network", {"order": "sideways"}),
        ("network", {"output": "loud"}),
        ("network", {"form": "dense"}),
        ("network", {"form": "crystal"}),
        ("network", {"more": 1}),
    ],
)
def test_parts_that_do_not_fit_are_refused(key: str, value: object, bundle: Bundle) -> None:
    files = pack(bundle)
    config = json.loads(files["config.json"])
    config[key] = config[key] | value if isinstance(value, dict) else value

    with pytest.raises(ValueError, match="do not fit together"):
        unpack(sealed({**files, "config.json": json.dumps(config).encode()}))


def test_a_network_of_which_nothing_is_known_is_refused_by_its_name(bundle: Bundle) -> None:
    files = pack(bundle)
    config = json.loads(files["config.json"])
    config["network"]["form"] = "crystal"

    with pytest.raises(ValueError, match="no network is called 'crystal', only lstm, dense"):
        unpack(sealed({**files, "config.json": json.dumps(config).encode()}))


@pytest.mark.parametrize("manifest", [b"[]", b"{}", b'{"format": 3}', b'{"format": 1}', b"{"])
def test_a_manifest_of_another_kind_is_refused(manifest: bytes, bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="bundle:"):
        unpack(sign(pack(bundle), manifest))


def test_a_bundle_of_an_older_format_is_refused(bundle: Bundle) -> None:
    manifest = json.loads(pack(bundle)["manifest.json"]) | {"format": 3}

    with pytest.raises(ValueError, match="not of format 4"):
        unpack(sign(pack(bundle), json.dumps(manifest, indent=1, sort_keys=True).encode()))


def test_a_manifest_written_in_another_way_is_refused(bundle: Bundle) -> None:
    files = pack(bundle)
    rewritten = json.dumps(json.loads(files["manifest.json"])).encode()

    with pytest.raises(ValueError, match="not written as it should be"):
        unpack(sign(files, rewritten))


def test_expected_values_may_be_rounded_otherwise_by_their_last_digit(bundle: Bundle) -> None:
    probe = bundle.probe
    near = replace(probe, expected=np.nextafter(probe.expected, np.float32(np.inf)))
    far = replace(probe, expected=probe.expected * np.float32(1.001))

    assert probe_gap(replace(bundle, probe=near)) == 0
    assert probe_gap(replace(bundle, probe=far)) > 1e-4


@pytest.mark.parametrize("name", ["error", "expected"])
def test_a_golden_probe_without_numbers_is_refused(name: str, bundle: Bundle) -> None:
    files = pack(bundle)
    golden = load(files["golden.safetensors"])
    golden[name] = np.full_like(golden[name], np.nan)

    with pytest.raises(ValueError, match="golden probe"):
        unpack(sealed({**files, "golden.safetensors": save(golden)}))


def test_a_bundle_that_was_never_asked_is_refused(bundle: Bundle) -> None:
    none = replace(bundle, probe=empty_probe(bundle.length, len(bundle.channels)))

    with pytest.raises(ValueError, match="no golden probe"):
        unpack(pack(none))


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("calibration.json", "assets", []),
        ("calibration.json", "spans", [{"windows": 10**18}]),
        ("config.json", "length", 16.0),
        ("config.json", "stride", 2),
        ("config.json", "centre", [10**400, 0, 0]),
        ("scoring.json", "stride", None),
        ("scoring.json", "policy", []),
    ],
)
def test_numbers_of_another_kind_are_refused(
    name: str, key: str, value: object, bundle: Bundle
) -> None:
    files = pack(bundle)
    content = json.loads(files[name])
    if key == "spans":
        value = [each | {"windows": 10**18} for each in content[key]]
    content[key] = value

    with pytest.raises(ValueError, match="bundle:"):
        unpack(sealed({**files, name: json.dumps(content).encode()}))


@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
def test_json_that_goes_too_deep_is_refused(name: str, bundle: Bundle) -> None:
    deep, files = b"[" * 200_000 + b"]" * 200_000, pack(bundle)

    with pytest.raises(ValueError, match="bundle:"):
        unpack(sign(files, deep) if name == "manifest.json" else sealed({**files, name: deep}))


def test_a_model_that_answers_its_golden_probe_otherwise_is_refused(bundle: Bundle) -> None:
    files = pack(bundle)
    golden = load(files["golden.safetensors"])
    golden["error"] = golden["error"] * 1.001

    with pytest.raises(ValueError, match="golden probe is answered otherwise"):
        unpack(sealed({**files, "golden.safetensors": save(golden)}))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad: float, bundle: Bundle) -> None:
    files = pack(bundle)
    weights = load(files["weights.safetensors"])
    weights["output.bias"] = np.full_like(weights["output.bias"], bad)

    with pytest.raises(ValueError, match="not a finite f32"):
        unpack(sealed({**files, "weights.safetensors": save(weights)}))


def test_weights_of_another_shape_are_refused(bundle: Bundle) -> None:
    bias = np.zeros(5, dtype=np.float32)

    with pytest.raises(ValueError, match="must have shapes"):
        replace(bundle, weights={**bundle.weights, "output.bias": bias})


def test_a_probe_holds_what_the_model_says_of_it(bundle: Bundle, windows: Floats) -> None:
    asked = make_bundle(bundle, windows[:8])

    np.testing.assert_array_equal(asked.probe.error, bundle.judge(windows[:8]).error)
    assert unpack(pack(asked)).version == asked.version
    measured: Flags = ~np.isnan(bundle.probe.values)
    assert 8 <= len(bundle.probe.values) <= 32
    assert measured.any(axis=(1, 2)).all()
