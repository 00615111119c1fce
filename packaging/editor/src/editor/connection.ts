import * as vscode from "vscode";

import { type ServedModel, models } from "../core/client";
import { type Server, dataFolders, findServer, here } from "../core/discovery";
import { NotRunningError } from "../core/errors";
import { settings } from "./settings";

const KEY = "stillroom.key";

/** The server that answers: the one that the settings name, else the Stillroom that runs on this computer. */
export class Connection {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private served: readonly ServedModel[] | undefined;

  constructor(private readonly secrets: vscode.SecretStorage) {}

  /** Names of its models; undefined while nobody answers. */
  get models(): readonly string[] | undefined {
    return this.served?.map(({ id }) => id);
  }

  /** Whether the model that answers now fills in the middle. */
  get fillsInTheMiddle(): boolean {
    const chosen = settings.model();
    const model = chosen ? this.served?.find(({ id }) => id === chosen) : this.served?.[0];
    return model?.fillsInTheMiddle ?? false;
  }

  /** The server. Throws `NotRunningError` where there is none. */
  async server(): Promise<Server> {
    const url = settings.url();
    if (url) {
      // A key that was found on this computer is not for another one.
      return { url, key: (await this.secrets.get(KEY)) ?? "" };
    }
    const found = findServer(dataFolders(here(), settings.home()));
    if (!found) {
      throw new NotRunningError(
        "Stillroom is not running, or its local API is off.",
        "Start Stillroom and switch the local API on, or run `stillroom serve MODEL`.",
      );
    }
    return found;
  }

  /** Look whether somebody answers now, and with which models. */
  async check(): Promise<void> {
    let served: readonly ServedModel[] | undefined;
    try {
      served = await models(await this.server());
    } catch {
      served = undefined;
    }
    if (JSON.stringify(served) !== JSON.stringify(this.served)) {
      this.served = served;
      this.changed.fire();
    }
  }

  /** Ask for the key of the server that the settings name, and keep it in the editor's secret storage. */
  async setKey(): Promise<void> {
    const key = await vscode.window.showInputBox({
      prompt: vscode.l10n.t("The key of {server}", { server: settings.url() || "Stillroom" }),
      password: true,
      ignoreFocusOut: true,
    });
    if (key !== undefined) {
      await (key ? this.secrets.store(KEY, key) : this.secrets.delete(KEY));
      await this.check();
    }
  }

  dispose(): void {
    this.changed.dispose();
  }
}
