"""The clock of an audio device, estimated from the times at which the device takes frames.

A Kalman filter with two states, time and rate. Its steady state is the delay-locked loop of F. Adriaensen, "Using a DLL
to filter time" (Linux Audio Conference 2005); at its start it averages all calls, so that it is exact soon.
"""

from __future__ import annotations

JITTER = 0.001  # seconds: the standard deviation of a call's time that is assumed
TOLERANCE = 3e-4  # of a device's rate: the standard deviation from the nominal one
WANDER = 3e-6  # by which the rate drifts in a second: the loop follows within 10 s
_OUTLIER = 3 * JITTER  # a call that is later or earlier counts as this much
_STEP = 0.8 * JITTER  # a mean difference beyond this is no jitter: frames were lost, or the device stood still
_MEAN_OF = 48  # calls


class ClockFilter:
    """Frame `frame` is taken at `seconds`, each later one `seconds_per_frame` after the one before."""

    def __init__(self, rate: float) -> None:
        self.frame = 0
        self.seconds = 0.0
        self.seconds_per_frame = self._nominal = 1 / rate
        self.count = 0  # calls so far
        self._rate = 0.0  # relative difference of the period of a frame from the nominal one
        self._mean = 0.0  # of the latest differences
        self._time_variance = self._rate_variance = self._covariance = 0.0

    def add(self, frame: int, seconds: float) -> None:
        """The device took frames from `frame` on at `seconds`."""
        self.count += 1
        if self.count == 1:
            self._rate_variance = TOLERANCE**2
            self._set(frame, seconds)
            return
        self._predict(frame)
        difference = seconds - self.seconds
        clipped = max(-_OUTLIER, min(_OUTLIER, difference))
        self._mean += (clipped - self._mean) / _MEAN_OF
        if abs(self._mean) > _STEP:
            self._set(frame, seconds)
        else:
            self._correct(clipped)

    def seconds_of(self, frame: int) -> float:
        """When `frame` is taken, as far as is known."""
        return self.seconds + (frame - self.frame) * self.seconds_per_frame

    def _set(self, frame: int, seconds: float) -> None:
        """Begin anew, with the rate that is known."""
        self.frame, self.seconds = frame, seconds
        self._mean = self._covariance = 0.0
        self._time_variance = JITTER**2

    def _predict(self, frame: int) -> None:
        nominal = (frame - self.frame) * self._nominal
        self.frame, self.seconds = frame, self.seconds + nominal * (1 + self._rate)
        self._time_variance += nominal * (2 * self._covariance + nominal * self._rate_variance)
        self._covariance += nominal * self._rate_variance
        self._rate_variance += WANDER**2 * nominal

    def _correct(self, difference: float) -> None:
        weight = 1 / (self._time_variance + JITTER**2)
        time_gain, rate_gain = self._time_variance * weight, self._covariance * weight
        self.seconds += time_gain * difference
        self._rate += rate_gain * difference
        self.seconds_per_frame = self._nominal * (1 + self._rate)
        self._rate_variance -= rate_gain * self._covariance
        self._covariance -= time_gain * self._covariance
        self._time_variance -= time_gain * self._time_variance
