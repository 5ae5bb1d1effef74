// Builds that fail, beside Debian's dockerd (20.10): the same words and exit codes for the same mistakes. The contexts are
// posted to both: a mistake that a client of either would see first is the engine's to tell here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleContext as app, type Builders, startBuilders } from '../harness/builders.ts';

let builders: Builders;

beforeAll(async () => {
  builders = await startBuilders();
});
afterAll(() => builders?.stop());

describe('builds that fail', () => {
  it.each<[string, string, string?]>([
    ['a command', 'FROM busybox\nRUN echo before; exit 3\n'],
    ['a command in exec form', 'FROM busybox\nRUN ["sh", "-c", "exit 7"]\n'],
    ['a command, containers removed', 'FROM busybox\nRUN exit 1\n', 'forcerm=1'],
    ['a command, quiet', 'FROM busybox\nRUN echo shown; exit 5\n', 'q=1'],
    ['an unknown instruction', 'FROM busybox\nNOSUCH thing\n'],
    ['no FROM', 'RUN echo x\n'],
    ['an empty file', ''],
    ['comments only', '# nothing\n\n'],
    ['FROM without a name', 'FROM\n'],
    ['FROM with two words', 'FROM busybox x\n'],
    ['a stage name that is none', 'FROM busybox AS 1x\n'],
    ['a stage name twice', 'FROM busybox AS a\nFROM busybox AS A\n'],
    ['a blank base name', 'FROM $NOSUCH\n'],
    ['a platform that is none', 'FROM --platform=a/b/c/d busybox\n'],
    ['an unknown flag of FROM', 'FROM --nosuch=1 busybox\n'],
    ['a target that is not there', 'FROM busybox\n', 'target=nosuch'],
    ['ENV without a value', 'FROM busybox\nENV a\n'],
    ['ENV without =', 'FROM busybox\nENV a=b c\n'],
    ['ENV without anything', 'FROM busybox\nENV\n'],
    ['ENV without a name', 'FROM busybox\nENV =b\n'],
    ['LABEL without a value', 'FROM busybox\nLABEL a\n'],
    ['COPY without a destination', 'FROM busybox\nCOPY a.txt\n'],
    ['COPY of nothing', 'FROM busybox\nCOPY nosuch /\n'],
    ['COPY of nothing by pattern', 'FROM busybox\nCOPY nosuch* /\n'],
    ['COPY of several to a file', 'FROM busybox\nCOPY a.txt b.txt /x\n'],
    ['COPY of a URL', 'FROM busybox\nCOPY http://127.0.0.1/x /\n'],
    ['COPY --chmod', 'FROM busybox\nCOPY --chmod=755 a.txt /\n'],
    ['COPY with an unknown flag', 'FROM busybox\nCOPY --nosuch=1 a.txt /\n'],
    ['COPY with a flag without value', 'FROM busybox\nCOPY --chown a.txt /\n'],
    ['COPY with a flag twice', 'FROM busybox\nCOPY --chown=1 --chown=2 a.txt /\n'],
    ['COPY --chown of nobody', 'FROM busybox\nCOPY --chown=nosuch a.txt /\n'],
    ['COPY --chown of no group', 'FROM busybox\nCOPY --chown=app:nosuch a.txt /\n'],
    ['COPY --chown with three parts', 'FROM busybox\nCOPY --chown=a:b:c a.txt /\n'],
    ['COPY from this stage', 'FROM busybox\nCOPY --from=0 / /\n'],
    ['COPY from a later stage', 'FROM busybox\nCOPY --from=5 / /\n'],
    ['COPY from a stage of nothing', 'FROM busybox AS a\nFROM busybox\nCOPY --from=a /nosuch /\n'],
    ['COPY out of the context', 'FROM busybox\nCOPY ../../etc/passwd /\n'],
    ['ADD without a destination', 'FROM busybox\nADD a\n'],
    ['RUN with a mount', 'FROM busybox\nRUN --mount=type=cache,target=/x true\n'],
    ['RUN with an unknown flag', 'FROM busybox\nRUN --nosuch true\n'],
    ['SHELL without JSON', 'FROM busybox\nSHELL /bin/sh -c\n'],
    ['SHELL of nothing', 'FROM busybox\nSHELL []\n'],
    ['numbers in a list', 'FROM busybox\nCMD ["a", 1]\n'],
    ['EXPOSE of no port', 'FROM busybox\nEXPOSE abc\n'],
    ['EXPOSE of a wrong protocol', 'FROM busybox\nEXPOSE 80/xyz\n'],
    ['EXPOSE of nothing', 'FROM busybox\nEXPOSE\n'],
    ['STOPSIGNAL of no signal', 'FROM busybox\nSTOPSIGNAL NOSUCH\n'],
    ['HEALTHCHECK of no kind', 'FROM busybox\nHEALTHCHECK WHAT x\n'],
    ['HEALTHCHECK without a command', 'FROM busybox\nHEALTHCHECK CMD\n'],
    ['HEALTHCHECK NONE with more', 'FROM busybox\nHEALTHCHECK NONE x\n'],
    ['HEALTHCHECK with a bad time', 'FROM busybox\nHEALTHCHECK --interval=x CMD true\n'],
    ['HEALTHCHECK with a short time', 'FROM busybox\nHEALTHCHECK --interval=1us CMD true\n'],
    ['HEALTHCHECK with no retries', 'FROM busybox\nHEALTHCHECK --retries=0 CMD true\n'],
    ['ONBUILD ONBUILD', 'FROM busybox\nONBUILD ONBUILD RUN x\n'],
    ['ONBUILD FROM', 'FROM busybox\nONBUILD FROM x\n'],
    ['ONBUILD of nothing', 'FROM busybox\nONBUILD\n'],
    ['WORKDIR of nothing', 'FROM busybox\nWORKDIR\n'],
    ['WORKDIR of an empty variable', 'FROM busybox\nWORKDIR $NOSUCH\n'],
    ['VOLUME of an empty text', 'FROM busybox\nVOLUME [""]\n'],
    ['USER of nothing', 'FROM busybox\nUSER\n'],
    ['MAINTAINER of nothing', 'FROM busybox\nMAINTAINER\n'],
    ['ARG without a name', 'FROM busybox\nARG =x\n'],
    ['a variable that is demanded', 'FROM busybox\nENV a=${NOSUCH:?is needed}\n'],
    ['a variable with an unknown sign', 'FROM busybox\nENV a=${b:x}\n'],
    ['a variable that does not end', 'FROM busybox\nWORKDIR /${b\n'],
    ['a quote that does not end', 'FROM busybox\nLABEL a="b\n'],
    ['the escape directive twice', '# escape=`\n# escape=`\nFROM busybox\n'],
    ['a wrong escape directive', '# escape=x\nFROM busybox\n'],
    ['a file that is not there', 'FROM busybox\n', 'dockerfile=nosuch'],
    ['a tag that is none', 'FROM busybox\n', 't=UPPER'],
    ['squash', 'FROM busybox\n', 'squash=1'],
    ['security options', 'FROM busybox\n', 'securityopt=seccomp=unconfined'],
    ['scratch alone', 'FROM scratch\n'],
  ])('%s', async (_what, dockerfile, query = '') => {
    const { theirs, ours } = await builders.postBuild({ ...app, Dockerfile: dockerfile }, query);
    expect(theirs.failure).not.toBe('');
    // told in docker 28's words
    expect(ours).toEqual({ ...theirs, failure: theirs.failure?.replace(/^Invalid signal/, 'invalid signal') });
  });

  it('with the exit code of the command as the client’s', async () => {
    const { theirs, ours } = await builders.build({ Dockerfile: 'FROM busybox\nRUN exit 42\n' });
    expect(ours).toEqual(theirs);
    expect(ours.code).toBe(42);
  });
});
