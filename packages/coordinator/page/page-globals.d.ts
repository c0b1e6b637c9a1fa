/** The little of a browser that `page.js` uses; the rest of the repository runs where there is none. */

interface PageElement {
  innerHTML: string;
  textContent: string;
  value: string;
  hidden: boolean;
  addEventListener(type: "submit", listener: (event: { preventDefault(): void }) => void): void;
}

declare const document: {
  title: string;
  readonly hidden: boolean;
  getElementById(id: string): PageElement | null;
};

declare const sessionStorage: {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
};
