"""How the report's figures are made, as its readers are told."""

from shared.domain.savings import REFERENCE_G_PER_KWH

METHODS = f"""<section><h2>How these figures are made</h2>
<p><b>Emitted</b> is the energy of each job times the grid's carbon intensity, interval by interval
over the time in which it really ran; pauses are left out, failed attempts are counted. What a run
used whose worker was killed is not known and in no figure.</p>
<p><b>At submission</b> is the baseline: the same energy and duration, run at the moment of
submission. <b>Avoided</b> is the baseline less what was emitted, for every job and not only for
those that waited. It is signed: where waiting made it worse, the loss is in the sum.</p>
<p><b>Promised</b> is what the first decision about a job expected to avoid, <b>realised</b> what
the same jobs avoided in the end.</p>
<p>The <b>{REFERENCE_G_PER_KWH:.0f} g/kWh line</b> is the same energy at a fixed intensity, one
country's average of a past year. It is drawn for orientation only: against it a job on a clean
grid would seem to save without doing anything.</p>
<p><b>Marginal</b> intensity is what one more kilowatt-hour causes, <b>average</b> intensity is that
of the mix. They answer different questions and are kept apart. <b>Simulated</b> figures come from a
replayed or emulated grid and are no statement about real emissions.</p>
<p><b>Possible</b> is what the same jobs could have avoided at best, with the grid known in full:
each in the cleanest window between its submission and its deadline, or in the cleanest points if
it may pause, in any region that it allowed. No forecast can reach all of it. It is unknown where
readings do not cover the time up to the deadline, and of jobs whose details were pruned.</p>
<p><b>SCI</b> is the Software Carbon Intensity (ISO/IEC 21031), (E &times; I + M) / R with R = jobs:
the <b>operational</b> part is the emitted grams a job, the <b>embodied</b> part M the server's
manufacture, spread over its life and over the jobs that share it. Avoided emissions stand beside
it and are not subtracted.</p>
<p><b>Unknown</b> jobs are those whose energy or grid was not recorded in full. They are counted
and are in no sum of grams. Energy is <b>measured</b> by a meter, <b>modelled</b> from the machine's
use, or <b>declared</b> with the job. <b>Late</b> jobs ended after their deadline; p95 is the
shortest wait that 95 % of the jobs' waits do not exceed.</p></section>"""
