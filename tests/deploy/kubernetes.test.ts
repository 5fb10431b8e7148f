/** The manifests: held against Kubernetes' own schemas, for what they say and for names that are not in them. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as apps from "kubernetes-models/apps/v1";
import * as autoscaling from "kubernetes-models/autoscaling/v2";
import * as batch from "kubernetes-models/batch/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { SETTINGS } from "../../platform/config/settings.ts";
import { ROOT } from "./compose-file.ts";

const KUBERNETES = join(ROOT, "deploy/kubernetes");
const BASE = join(KUBERNETES, "base");
const EXAMPLE = join(KUBERNETES, "overlays/example");

const MODELS: Readonly<Record<string, readonly [module: string, kinds: object]>> = {
  v1: ["kubernetes-models/v1", core],
  "apps/v1": ["kubernetes-models/apps/v1", apps],
  "autoscaling/v2": ["kubernetes-models/autoscaling/v2", autoscaling],
  "batch/v1": ["kubernetes-models/batch/v1", batch],
  "networking.k8s.io/v1": ["kubernetes-models/networking.k8s.io/v1", networking],
  "policy/v1": ["kubernetes-models/policy/v1", policy],
};

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // Each kind has another; the schemas say which.
  readonly spec: any; // oxlint-disable-line typescript/no-explicit-any
  readonly stringData?: Readonly<Record<string, string>>;
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly literals: readonly string[] }[];
}

const kustomizationOf = (folder: string): Kustomization =>
  parse(readFileSync(join(folder, "kustomization.yaml"), "utf8")) as Kustomization; // Its shape is what is tested.

const manifestsOf = (file: string): Manifest[] =>
  parseAllDocuments(readFileSync(file, "utf8")).map((document) => document.toJS() as Manifest);

const manifestsIn = (folder: string): Manifest[] =>
  kustomizationOf(folder)
    .resources.filter((path) => path.endsWith(".yaml"))
    .flatMap((path) => manifestsOf(join(folder, path)));

const base = manifestsIn(BASE);
const manifests = [...base, ...manifestsIn(EXAMPLE), ...manifestsOf(join(KUBERNETES, "operator.yaml"))];
const of = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
const nameOf = ({ kind, metadata }: Manifest): string => `${kind} ${metadata.name}`;
const pods = [...of("Deployment"), ...of("Job"), ...of("Pod")];
/** What the pod itself is: the others have it as their template. */
const podOf = ({ kind, spec }: Manifest): Manifest["spec"] => (kind === "Pod" ? spec : spec.template.spec);
const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));

describe("the manifests", () => {
  it("are all of them named by a kustomization", () => {
    for (const folder of [BASE, EXAMPLE]) {
      const files = readdirSync(folder).filter((file) => file !== "kustomization.yaml");
      const { resources } = kustomizationOf(folder);
      expect(resources.filter((path) => path.endsWith(".yaml")).sort()).toEqual(files.sort());
      for (const path of resources) expect(existsSync(join(folder, path)), path).toBe(true);
    }
  });

  it.each(manifests.map((manifest) => [nameOf(manifest), manifest] as const))(
    "%s has what its schema demands",
    (_, manifest) => {
      const kinds = MODELS[manifest.apiVersion]?.[1] as Record<string, new (data: unknown) => { validate(): void }>;
      new kinds[manifest.kind]!(manifest).validate();
    },
  );

  it("have no field that their types do not know", { timeout: 60_000 }, async () => {
    expect(await unknownFields(manifests)).toBe("");
    const typo = { ...base.find(({ kind }) => kind === "Deployment")!, sepc: {} };
    expect(await unknownFields([typo])).toMatch(/sepc.* does not exist in type 'IDeployment'/);
  });
});

/** The schemas let unknown fields pass; the compiler does not, in an object that is written out. */
async function unknownFields(objects: readonly Manifest[]): Promise<string> {
  const directory = mkdtempSync(join(ROOT, "node_modules/.manifests-"));
  const lines = objects.map((object, at) => {
    const type = `import("${MODELS[object.apiVersion]?.[0] ?? ""}").I${object.kind}`;
    return `export const manifest${at}: ${type} = ${JSON.stringify(object)};`;
  });
  writeFileSync(join(directory, "manifests.ts"), lines.join("\n"));
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--ignoreConfig", "--types", ""];
  try {
    const run = promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), [...options, join(directory, "manifests.ts")]);
    return await run.then(
      () => "",
      ({ stdout }: { stdout: string }) => stdout,
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe("every pod", () => {
  it.each(pods.map((pod) => [nameOf(pod), podOf(pod)] as const))("%s may do as little as it can", (_, pod) => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
    });
    for (const container of pod.containers) {
      expect(container).toMatchObject({
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
        resources: {
          requests: { cpu: expect.anything(), memory: expect.anything() },
          limits: { memory: expect.anything() },
        },
      });
      const mounted = container.volumeMounts.map(({ name }: { name: string }) => name);
      expect(pod.volumes.map(({ name }: { name: string }) => name).sort()).toEqual(mounted.sort());
    }
  });

  it("gets settings that Usher knows, and secrets of its own role alone", () => {
    const literals = [BASE, EXAMPLE].flatMap((folder) => kustomizationOf(folder).configMapGenerator[0]?.literals ?? []);
    const names = literals.map((literal) => literal.split("=")[0] ?? "");
    for (const secret of of("Secret")) names.push(...Object.keys(secret.stringData ?? {}));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    for (const pod of pods) {
      const [container] = podOf(pod).containers;
      const secrets = container.envFrom.flatMap((from: { secretRef?: { name: string } }) => from.secretRef?.name ?? []);
      expect(secrets).toEqual([`usher-${pod.metadata.name}`]);
      expect(of("Secret").map(({ metadata }) => metadata.name)).toContain(secrets[0]);
    }
    const edge = of("Secret").find(({ metadata }) => metadata.name === "usher-edge");
    expect(Object.keys(edge?.stringData ?? {})).toEqual(["NATS_URL", "REDIS_URL"]);
    const urls = of("Secret").flatMap(({ stringData }) => stringData?.["DATABASE_URL"] ?? []);
    expect(urls.map((url) => new URL(url).username)).toEqual(["usher", "usher_engine", "usher_services", "usher"]);
  });
});

it("the pod for people has the rights that `shards` and `journal` want", () => {
  const { NATS_URL = "", DATABASE_URL = "" } =
    of("Secret").find(({ metadata }) => metadata.name === "usher-operator")?.stringData ?? {};
  expect([new URL(NATS_URL).username, new URL(DATABASE_URL).username]).toEqual(["operator", "usher"]);
});

describe("every role", () => {
  const roles = of("Deployment");

  it.each(roles.map((role) => [role.metadata.name, role] as const))("%s comes and goes gracefully", (name, role) => {
    const { template, strategy } = role.spec;
    expect(strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(30);
    const [container] = template.spec.containers;
    expect(container.args).toEqual([name]);
    expect(container).toMatchObject({
      startupProbe: { httpGet: { path: "/health/live", port: "http" } },
      readinessProbe: { httpGet: { path: "/health/ready", port: "http" } },
      livenessProbe: { httpGet: { path: "/health/live", port: "http" } },
    });
    expect(container.ports).toContainEqual({ name: "http", containerPort: 8080 });
    const budget = of("PodDisruptionBudget").find(({ metadata }) => metadata.name === name);
    expect(budget?.spec).toMatchObject({ maxUnavailable: 1, selector: role.spec.selector });
  });

  it.each(["engine", "services"])("%s has ten minutes and more to bring the database up to date", (name) => {
    const [container] = roles.find(({ metadata }) => metadata.name === name)?.spec.template.spec.containers ?? [];
    const { periodSeconds = 0, failureThreshold = 0 } = container?.startupProbe ?? {};
    expect(periodSeconds * failureThreshold).toBeGreaterThan(600);
  });

  it("believes the ingress controller's pods alone about addresses", () => {
    const trusted = (folder: string): string[] =>
      (kustomizationOf(folder).configMapGenerator[0]?.literals ?? []).flatMap(
        (literal) => /^TRUSTED_PROXIES=.*\/(\d+)$/.exec(literal)?.[1] ?? [],
      );
    expect(trusted(BASE)).toEqual([]);
    const [bits] = trusted(EXAMPLE);
    expect(Number(bits)).toBeGreaterThanOrEqual(24);
  });

  it("that is reached by buyers is reached by a service whose ports its pods have", () => {
    const backends = of("Ingress")[0]?.spec.rules[0].http.paths.map(
      ({ path, backend }: { path: string; backend: { service: { name: string; port: { name: string } } } }) => [
        path,
        backend.service.name,
        backend.service.port.name,
      ],
    );
    expect(backends).toEqual([
      ["/v1", "edge", "websocket"],
      ["/", "services", "http"],
    ]);
    for (const { metadata, spec } of of("Service")) {
      const role = roles.find((each) => each.metadata.name === metadata.name);
      expect(role?.spec.template.metadata.labels).toMatchObject(spec.selector);
      const ports = role?.spec.template.spec.containers[0].ports.map(({ name }: { name: string }) => name);
      for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
    }
  });

  it("may go only where it has to: an edge not to PostgreSQL", () => {
    const policies = of("NetworkPolicy");
    const waysOut = (name: string): number[] =>
      policies
        .find(({ metadata }) => metadata.name === name)
        ?.spec.egress.flatMap(({ ports }: { ports: { port: number }[] }) => ports.map(({ port }) => port));
    expect(waysOut("edge")).toEqual([4222, 6379]);
    expect(waysOut("engine")).toEqual([5432, 4222]);
    expect(policies.find(({ metadata }) => metadata.name === "nothing-by-default")?.spec).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/part-of": "usher" } },
      policyTypes: ["Ingress", "Egress"],
    });
  });
});
