import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A self-signed certificate for localhost and 127.0.0.1. */
export interface Certificate {
  readonly directory: string;
  readonly certificate: string;
  readonly key: string;
  remove(): void;
}

export function makeCertificate(): Certificate {
  const directory = mkdtempSync(join(tmpdir(), "stampede-certificate-"));
  chmodSync(directory, 0o755);
  const [certificate, key] = [join(directory, "server.crt"), join(directory, "server.key")];
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=localhost", "-addext", names, "-keyout", key, "-out", certificate],
  ]);
  if (made.status !== 0) throw new Error(`openssl failed: ${made.stderr?.toString() ?? made.error?.message}`);
  chmodSync(certificate, 0o644);
  return { directory, certificate, key, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
